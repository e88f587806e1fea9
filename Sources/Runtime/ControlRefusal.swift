// SPDX-License-Identifier: Apache-2.0

/// Why a request on the control socket is not done. Becomes `{"error":{"message":…,"remedy":…}}`.
package struct ControlRefusal: Error, Hashable, Sendable {
    /// Of HTTP: 400 and above.
    package var status: Int
    package var message: String
    package var remedy: String?

    package init(_ status: Int, _ message: String, remedy: String? = nil) {
        self.status = status
        self.message = message
        self.remedy = remedy
    }

    static let tooLarge = ControlRefusal(413, "the request is larger than this socket takes")
    static let tooSlow = ControlRefusal(408, "the request did not come in time")
    static let tooMany = ControlRefusal(
        503,
        "too many connections to the control socket",
        remedy: "try again when other clients are done"
    )
    static let busy = ControlRefusal(503, "the gateway is too busy to answer", remedy: "try again in a moment")
    static let notImpairable = ControlRefusal(
        403,
        "this culvertd takes no impairments",
        remedy: "start it with --allow-impair, and only where no call matters"
    )
    static let noReload = ControlRefusal(
        501,
        "this culvertd does not read its configuration again",
        remedy: "restart culvertd for a new configuration to count"
    )
    static let reloadUnderWay = ControlRefusal(
        409,
        "the configuration is being read for somebody else",
        remedy: "try again when that is done"
    )
    static let noReloadAtEnd = ControlRefusal(409, "culvertd is ending")
    static let noRules = ControlRefusal(
        404,
        "this culvertd has no rules: its data plane is not the kernel",
        remedy: "start it without --data-plane null"
    )
    static let tooManyImpairments = ControlRefusal(
        409,
        "\(Impairments.limit) impairments are in force already",
        remedy: "culvertctl impair clear"
    )
    static let malformed = ControlRefusal(400, "this is not an HTTP/1.1 request")
}
