// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What an event means to who watches over many machines. Identifiers are stable: rules are built on them.
package struct SecurityAction: Hashable, Sendable {
    /// - SeeAlso: ECS, event.kind
    package enum Kind: String, Hashable, Sendable {
        case event
        /// Somebody should look.
        case alert
    }

    /// - SeeAlso: ECS, event.category
    package enum Category: String, Hashable, Sendable {
        case authentication
        case configuration
        case intrusionDetection = "intrusion_detection"
        case network
        case process
        case session
    }

    /// - SeeAlso: ECS, event.type
    package enum EventType: String, Hashable, Sendable {
        case allowed
        case change
        case denied
        case end
        case info
        case `protocol`
        case start
    }

    /// - SeeAlso: ECS, event.outcome
    package enum Outcome: String, Hashable, Sendable {
        case success
        case failure
        case unknown
    }

    /// Of an event, as counters name it: `authentication.user-refused`.
    package struct Source: Hashable, Sendable, CustomStringConvertible {
        package var layer: EventDescription.Layer
        package var name: String

        package init(_ layer: EventDescription.Layer, _ name: String) {
            self.layer = layer
            self.name = name
        }

        package var description: String { "\(layer.rawValue).\(name)" }
    }

    /// What an action is, whoever does it to whom.
    package struct Nature: Hashable, Sendable {
        package var kind = Kind.event
        package var categories: [Category]
        package var types: [EventType]
        package var outcome: Outcome
        /// Who has proved nothing can cause it.
        package var isByStrangers = false
    }

    package var source: Source
    /// event.action of ECS, the signature of CEF.
    package var id: String
    /// 0 to 10, as CEF has it: from 4 on it is medium, from 7 on high.
    package var severity: Int
    package var nature: Nature
    /// The name of CEF.
    package var title: String

    package static func of(_ description: EventDescription) -> SecurityAction? {
        table[Source(description.layer, description.name)]
    }

    private static let table = Dictionary(uniqueKeysWithValues: all.map { ($0.source, $0) })
}

extension SecurityAction.Nature {
    fileprivate static let login = Self(categories: [.authentication], types: [.start], outcome: .success)
    fileprivate static let refusal = Self(
        categories: [.authentication],
        types: [.start],
        outcome: .failure,
        isByStrangers: true
    )
    fileprivate static let farewell = Self(categories: [.authentication, .session], types: [.end], outcome: .failure)
    fileprivate static let lockOut = Self(
        kind: .alert,
        categories: [.authentication, .intrusionDetection],
        types: [.info, .denied],
        outcome: .failure,
        isByStrangers: true
    )
    fileprivate static let overload = Self(
        kind: .alert,
        categories: [.intrusionDetection, .network],
        types: [.denied],
        outcome: .failure,
        isByStrangers: true
    )
    fileprivate static let scan = Self(
        kind: .alert,
        categories: [.intrusionDetection, .network],
        types: [.info],
        outcome: .unknown,
        isByStrangers: true
    )
    fileprivate static let intrusion = Self(
        categories: [.intrusionDetection, .network],
        types: [.denied],
        outcome: .failure,
        isByStrangers: true
    )
    fileprivate static let weakness = Self(categories: [.network], types: [.protocol, .info], outcome: .success)
    fileprivate static let callUp = Self(categories: [.session, .network], types: [.start], outcome: .success)
    fileprivate static let callDown = Self(categories: [.session, .network], types: [.end], outcome: .success)
    fileprivate static let ending = Self(categories: [.session], types: [.end], outcome: .success)
    fileprivate static let change = Self(categories: [.configuration], types: [.change], outcome: .success)
    fileprivate static let refusedChange = Self(categories: [.configuration], types: [.change], outcome: .failure)
    fileprivate static let controlRefusal = Self(
        kind: .alert,
        categories: [.authentication, .intrusionDetection],
        types: [.info, .denied],
        outcome: .failure
    )
    fileprivate static let notice = Self(categories: [.configuration], types: [.info], outcome: .success)
    fileprivate static let fault = Self(
        kind: .alert,
        categories: [.configuration],
        types: [.change],
        outcome: .success
    )
    fileprivate static let start = Self(categories: [.process], types: [.start], outcome: .success)
    fileprivate static let stop = Self(categories: [.process], types: [.end], outcome: .success)
    fileprivate static let loss = Self(kind: .alert, categories: [.process], types: [.info], outcome: .failure)
}

extension SecurityAction {
    private init(
        _ layer: EventDescription.Layer,
        _ name: String,
        _ id: String,
        _ severity: Int,
        _ nature: Nature,
        _ title: String
    ) {
        self.init(source: Source(layer, name), id: id, severity: severity, nature: nature, title: title)
    }

    /// Every one, in the order of the documentation.
    package static let all: [SecurityAction] = users + peers + overload + suspicions + calls + administration

    /// Who says who they are in PPP.
    private static let users: [SecurityAction] = [
        .init(.authentication, "user-authenticated", "login-succeeded", 1, .login, "A user proved who it is"),
        .init(.authentication, "user-refused", "login-failed", 5, .refusal, "A user was refused"),
        .init(.authentication, "tries-exhausted", "login-tries-exhausted", 6, .farewell, "A peer failed too often"),
        .init(.authentication, "throttled-user", "user-locked-out", 7, .lockOut, "A user is locked out"),
        .init(.authentication, "throttled-source", "source-locked-out", 7, .lockOut, "An address is locked out"),
        .init(.authentication, "user-changed", "user-changed", 6, .farewell, "A link came back as another user"),
    ]

    /// Who says who they are in IKE and L2TP.
    private static let peers: [SecurityAction] = [
        .init(.ike, "authentication-failed", "peer-key-refused", 5, .refusal, "A pre-shared key was wrong"),
        .init(.ike, "identity-refused", "peer-identity-refused", 6, .refusal, "The key was right, the name was not"),
        .init(.ike, "no-current-key", "peer-keys-expired", 5, .refusal, "Every key of a profile has ended"),
        .init(.ike, "aggressive-mode-without-key", "group-keys-expired", 5, .refusal, "The key of a group has ended"),
        .init(.ike, "aggressive-mode-refused", "group-refused", 4, .refusal, "Aggressive mode is not for this peer"),
        .init(.ike, "authentication-delay", "peer-locked-out", 7, .lockOut, "An address waits after wrong keys"),
        .init(.ike, "key-trials-over-budget", "key-trials-limited", 6, .lockOut, "Too many peers tried keys"),
        .init(.l2tp, "tunnel-authentication-failed", "tunnel-secret-refused", 6, .refusal, "A tunnel secret was wrong"),
        .init(.l2tp, "tunnel-secret-missing", "tunnel-secret-missing", 3, .refusal, "A peer wants a tunnel secret"),
    ]

    /// More than is answered.
    private static let overload: [SecurityAction] = [
        .init(.ike, "first-message-rate", "source-rate-limited", 6, .overload, "An address begins too often"),
        .init(.ike, "half-open-source-limit", "source-half-open-limited", 6, .overload, "An address ends nothing"),
        .init(.ike, "half-open-limit", "half-open-limited", 8, .overload, "Too many key exchanges are open"),
        .init(.ike, "aggressive-mode-rate", "group-rate-limited", 6, .overload, "An address begins groups too often"),
        .init(.ike, "aggressive-mode-limit", "group-half-open-limited", 6, .overload, "Too many groups are open"),
    ]

    private static let suspicions: [SecurityAction] = [
        .init(.control, "scan-detected", "scan-detected", 7, .scan, "An address tries what is there"),
        .init(.ike, "hash-mismatch", "message-integrity-failed", 5, .intrusion, "A message was not what was sent"),
        .init(.l2tp, "foreign-tunnel", "tunnel-of-another-peer", 7, .intrusion, "A peer reached for another's tunnel"),
        .init(.l2tp, "unexpected-source", "tunnel-source-changed", 5, .intrusion, "A tunnel's message from elsewhere"),
        .init(.ike, "legacy-algorithm", "weak-algorithm-used", 5, .weakness, "A legacy algorithm was agreed on"),
        .init(
            .ike,
            "legacy-grant-ended",
            "weak-algorithm-grant-ended",
            3,
            .notice,
            "A legacy algorithm is refused now"
        ),
    ]

    private static let calls: [SecurityAction] = [
        .init(.control, "call-up", "call-up", 1, .callUp, "A call is up"),
        .init(.control, "call-down", "call-down", 1, .callDown, "A call is over"),
    ]

    private static let administration: [SecurityAction] = [
        .init(.control, "reloaded", "configuration-changed", 4, .change, "The configuration was changed"),
        .init(.control, "reload-refused", "configuration-refused", 5, .refusedChange, "A configuration was refused"),
        .init(.control, "terminate", "calls-terminated", 4, .ending, "An administrator ended calls"),
        .init(
            .control,
            "peer-refused",
            "control-refused",
            6,
            .controlRefusal,
            "A process may not use the control socket"
        ),
        .init(.control, "impaired", "gateway-impaired", 8, .fault, "Somebody makes faults on order"),
        .init(.control, "ready", "gateway-started", 3, .start, "The gateway is ready"),
        .init(.control, "stopped", "gateway-stopped", 3, .stop, "The gateway has stopped"),
        .init(.control, "security-events-held", "security-events-held", 6, .loss, "Security events were not written"),
        .init(
            .control,
            "security-log-not-followed",
            "security-log-not-followed",
            6,
            .loss,
            "The file cannot be begun anew"
        ),
        .init(.control, "privacy-keys-unavailable", "privacy-keys-unavailable", 6, .loss, "No key for pseudonyms"),
    ]
}
