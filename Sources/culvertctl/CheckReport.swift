// SPDX-License-Identifier: Apache-2.0
import IKE
import Primitives
import Simulation

/// A client that `check` knows.
struct CheckedClient: Codable, Hashable {
    var name: String
    var title: String

    init(_ vector: ClientVector) {
        name = vector.name
        title = vector.title
    }
}

/// What a rehearsal came to. The JSON keys are the names of the properties, and stable.
struct CheckReport: Codable, Hashable {
    /// On one way to the gateway.
    struct Way: Codable, Hashable {
        var behindNAT: Bool
        var agreed: Agreement?
        var refused: Refusal?
        /// What would be agreed on with the additions.
        var mended: Agreement?
    }

    struct Agreement: Codable, Hashable {
        var profile: String
        var key: String?
        var recognisedAs: String
        var ike: String
        var aggressiveMode: Bool
        var pfs: String?
        var esp: String
        var encapsulated: Bool
        var authentication: String
        var address: String
        var pool: String?
        var dns: [String]
        var mtu: Int
        var mtuExplanation: String?
        var legacy: [String]

        init(_ agreement: Rehearsal.Agreement) {
            profile = agreement.profile
            key = agreement.key
            recognisedAs = agreement.recognised.rawValue
            ike = agreement.ike.description
            aggressiveMode = agreement.isAggressive
            pfs = agreement.pfsGroup?.operatorName
            esp = agreement.esp.description
            encapsulated = agreement.isEncapsulated
            authentication = agreement.method.rawValue
            address = agreement.address.description
            pool = agreement.pool
            dns = agreement.dns.map(\.description)
            mtu = agreement.mtu
            mtuExplanation = agreement.mtuExplanation
            legacy = agreement.legacy.map(\.rawValue).sorted()
        }
    }

    struct Refusal: Codable, Hashable {
        var layer: String
        var event: String?
        var message: String
        var reason: String
        var offered: [String]
        var accepted: [String]
        var missing: [String]
        var hint: String?

        init(_ refusal: Rehearsal.Refusal) {
            layer = refusal.layer.rawValue
            event = refusal.event
            message = refusal.message
            reason = refusal.reason
            offered = refusal.offered
            accepted = refusal.accepted
            missing = refusal.missing
            hint = refusal.hint
        }
    }

    /// A change of the file that lets the client in, alone or with the others.
    struct Addition: Codable, Hashable {
        /// `ike.profiles[0]`.
        var place: String
        /// Absent if the place does not exist yet.
        var line: Int?
        /// What to add there.
        var text: String
        /// For a table: `allow-legacy modp1024`.
        var brief: String
    }

    var client: CheckedClient
    var file: String
    var user: String
    var peer: String
    var wouldConnect: Bool
    var ways: [Way]
    var additions: [Addition]
    var warnings: [String]
    /// What of the client nobody has seen.
    var inferred: [String]
}
