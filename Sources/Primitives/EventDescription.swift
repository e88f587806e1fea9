// SPDX-License-Identifier: Apache-2.0

/// An event in words: what a log line and a counter need. Protocols report typed events; each knows
/// its own description, and it is made only when somebody prints or counts it.
package struct EventDescription: Hashable, Sendable {
    package enum Layer: String, Hashable, Sendable, CaseIterable {
        case ike
        case esp
        case l2tp
        case ppp
        case authentication
        case kernel
        case control
    }

    package enum Severity: String, Hashable, Sendable, CaseIterable, Comparable {
        case debug
        case info
        case notice
        case warning
        case error

        package static func < (a: Severity, b: Severity) -> Bool {
            let order = Severity.allCases
            return (order.firstIndex(of: a) ?? 0) < (order.firstIndex(of: b) ?? 0)
        }
    }

    package struct Field: Hashable, Sendable {
        /// What the value says of people, for who must not write that down.
        package enum Kind: String, Hashable, Sendable, CaseIterable {
            case plain
            /// Of a person or a device, or a text that a peer chose freely.
            case name
            case address
        }

        package var name: String
        package var value: String
        package var kind: Kind

        /// - Parameter kind: `nil` finds out: by the value what is an address, by the field's name what names somebody.
        package init(_ name: String, _ value: some CustomStringConvertible, _ kind: Kind? = nil) {
            self.name = name
            self.value = value.description
            if let kind {
                self.kind = kind
            } else if value is IPAddress || value is SocketAddress || value is IPPrefix {
                self.kind = .address
            } else {
                self.kind = Self.namesOfNames.contains(name) ? .name : .plain
            }
        }

        /// Fields that name people and devices, in every event.
        package static let namesOfNames: Set<String> = [
            "user", "new-user", "users", "identity", "host-name", "vendor", "key", "peer-text",
        ]
    }

    package var layer: Layer
    package var severity: Severity
    /// Stable and in kebab case, `no-proposal-chosen` say: the name of the counter and the key of the rate limit.
    package var name: String
    /// One sentence for a person, without trailing period, peer or trace (those are fields of the line).
    package var message: String
    /// What the operator can do about it.
    package var remedy: String?
    package var fields: [Field]
    /// What stands in the message and in no field, by name: lines of the log do not repeat it.
    package var facts: [Field]

    package init(
        _ layer: Layer,
        _ severity: Severity,
        _ name: String,
        _ message: String,
        remedy: String? = nil,
        fields: [Field] = [],
        facts: [Field] = []
    ) {
        self.layer = layer
        self.severity = severity
        self.name = name
        self.message = message
        self.remedy = remedy
        self.fields = fields
        self.facts = facts
    }
}
