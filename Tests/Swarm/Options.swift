// SPDX-License-Identifier: Apache-2.0
import DataPlane
import IKE
import Primitives
import Simulation

/// What the command line says.
struct Options {
    struct Problem: Error {
        var text: String
    }

    var gateway = IPAddress.v4(0)
    /// Address of the first client; the others follow it. All must be local addresses.
    var first = IPAddress.v4(0xC612_0001)
    var clients = 1
    var preSharedKey = "lab-secret"
    var userPrefix = "user"
    var password = "secret1"
    /// Dials per second.
    var rate = 10.0
    /// Dials under way at once: a slow gateway is not given more than it can do.
    var atOnce = 16
    var ike = "aes128-sha256-ecp256"
    var esp = "aes128-sha256"
    /// Clients by turns, each as the native client of this vector; empty for one with ``ike`` and ``esp``.
    var vectors: [ClientVector] = []
    /// Seconds until everybody hangs up; `nil` for never.
    var hold: Double?
    var redials = false
    /// Mean seconds of a call before the client ends it and dials again; `nil` for never.
    var churn: Double?
    /// Percentage of such ends without a goodbye.
    var vanish: UInt32 = 0
    /// Whom to ping through the call: what tells a client that the gateway is there.
    var ping: IPAddress?
    var pingInterval = 5.0
    /// Seconds without any packet of the gateway's after which a client dials again.
    var silence = 20.0
    /// Seconds for one dial.
    var patience = 60.0
    /// So many first messages instead of calls.
    var flood = 0

    static let usage = """
        usage: culvert-swarm --gateway ADDRESS [--first ADDRESS] [--clients N] [--psk TEXT] [--user-prefix TEXT]
                   [--password TEXT] [--vector NAME,...|all] [--rate DIALS-PER-SECOND] [--at-once DIALS] [--ike PROPOSAL] [--esp PROPOSAL] [--hold SECONDS]
                   [--redial] [--churn SECONDS] [--vanish PERCENT] [--ping ADDRESS] [--ping-interval SECONDS]
                   [--silence SECONDS] [--patience SECONDS] [--flood MESSAGES]

        """

    init(_ arguments: ArraySlice<String>) throws(Problem) {
        var rest = arguments
        while let name = rest.popFirst() {
            if name == "--redial" {
                redials = true
                continue
            }
            guard let text = rest.popFirst() else { throw Problem(text: "\(name) wants a value") }
            switch name {
            case "--gateway": gateway = try Self.value(text, name, IPAddress.init(_:))
            case "--first": first = try Self.value(text, name, IPAddress.init(_:))
            case "--clients": clients = try Self.value(text, name, Int.init(_:))
            case "--psk": preSharedKey = text
            case "--user-prefix": userPrefix = text
            case "--password": password = text
            case "--vector":
                vectors = try text == "all" ? ClientVector.all : text.split(separator: ",").map(Self.vector(_:))
            case "--rate": rate = try Self.value(text, name, Double.init(_:))
            case "--at-once": atOnce = try Self.value(text, name, Int.init(_:))
            case "--ike": ike = text
            case "--esp": esp = text
            case "--hold": hold = try Self.value(text, name, Double.init(_:))
            case "--churn": churn = try Self.value(text, name, Double.init(_:))
            case "--vanish": vanish = try Self.value(text, name, UInt32.init(_:))
            case "--ping": ping = try Self.value(text, name, IPAddress.init(_:))
            case "--ping-interval": pingInterval = try Self.value(text, name, Double.init(_:))
            case "--silence": silence = try Self.value(text, name, Double.init(_:))
            case "--patience": patience = try Self.value(text, name, Double.init(_:))
            case "--flood": flood = try Self.value(text, name, Int.init(_:))
            default: throw Problem(text: "\(name) is not known")
            }
        }
        guard !gateway.isUnspecified else { throw Problem(text: "--gateway is missing") }
        guard clients > 0, rate > 0 else { throw Problem(text: "--clients and --rate are more than nothing") }
        guard IKETransform(ike) != nil, ESPTransform(parsing: esp) != nil else {
            throw Problem(text: "a proposal is not understood")
        }
    }

    private static func value<T>(_ text: String, _ name: String, _ read: (String) -> T?) throws(Problem) -> T {
        guard let value = read(text) else { throw Problem(text: "\(name) does not take '\(text)'") }
        return value
    }

    private static func vector(_ name: Substring) throws(Problem) -> ClientVector {
        guard let vector = ClientVector.named(String(name)) else {
            let names = ClientVector.all.map(\.name).joined(separator: ", ")
            throw Problem(text: "no client is called \(name); there are \(names)")
        }
        return vector
    }

    func source(of client: Int) -> IPAddress { first.advanced(by: UInt32(client)) ?? first }
}
