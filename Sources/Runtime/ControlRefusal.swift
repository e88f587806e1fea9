// SPDX-License-Identifier: Apache-2.0

/// Why a request on the control socket is not done. Becomes `{"error":{"message":…,"remedy":…}}`.
package struct ControlRefusal: Error, Hashable, Sendable {
    /// Of HTTP: 400 and above.
    package var status: Int
    package var message: String
    package var remedy: String?
    /// What the path takes, of one that does not take this method.
    package var allowed: [String] = []

    package init(_ status: Int, _ message: String, remedy: String? = nil, allowed: [String] = []) {
        self.status = status
        self.message = message
        self.remedy = remedy
        self.allowed = allowed
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
    static let tooManyHeaders = ControlRefusal(431, "the request has more headers than this socket takes")
    static let fullOfAnswers = ControlRefusal(
        503,
        "too many answers wait to be read",
        remedy: "try again when other clients have read theirs"
    )
    static let tooManyListeners = ControlRefusal(
        503,
        "too many clients follow the events on this socket",
        remedy: "close some, or let one pass them on"
    )

    /// - Parameter group: The name of the group whose members may; `nil` if there is none.
    static func notForThisPeer(_ group: String?) -> ControlRefusal {
        ControlRefusal(
            403,
            "this socket is for root and culvertd\(group.map { " and the group \($0)" } ?? "") only",
            remedy: group.map { "join it (usermod -aG \($0) NAME, then log in anew), or use sudo" }
                ?? "use sudo, or set control.group in the configuration"
        )
    }

    /// - Parameter path: Of the other socket.
    static func readsOnly(_ path: String) -> ControlRefusal {
        ControlRefusal(403, "this socket changes nothing", remedy: "ask on \(path), if you may")
    }
}
