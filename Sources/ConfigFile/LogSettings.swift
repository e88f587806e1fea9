// SPDX-License-Identifier: Apache-2.0
package import Primitives

package struct LogSettings: Hashable, Sendable {
    package enum Format: String, Hashable, Sendable, CaseIterable {
        case text
        case json
    }

    package enum Destination: String, Hashable, Sendable, CaseIterable {
        case stderr
        case journald
        /// The journal if standard error leads there and the format is text; else standard error.
        case auto
    }

    /// Events below it are not printed.
    package var level = EventDescription.Severity.info
    package var format = Format.text
    package var to = Destination.auto
    /// `nil` writes no security events.
    package var security: SecurityLogSettings?
    /// `nil` writes names and addresses as they are.
    package var privacy: PrivacySettings?

    package init() {
    }
}

/// Events for who watches over many machines.
package struct SecurityLogSettings: Hashable, Sendable {
    package enum Format: String, Hashable, Sendable, CaseIterable {
        /// Elastic Common Schema: one JSON object per line.
        case ecs
        /// Common Event Format.
        case cef
    }

    package enum Destination: Hashable, Sendable {
        case stderr
        case journald
        /// An absolute path.
        case file(String)
    }

    package var format = Format.ecs
    package var to: Destination

    package init(to: Destination) {
        self.to = to
    }
}

/// What logs say of people.
package struct PrivacySettings: Hashable, Sendable {
    package enum Names: String, Hashable, Sendable, CaseIterable {
        case clear
        /// Text that only who has the key of the day turns back.
        case pseudonym
        case none
    }

    package enum Addresses: String, Hashable, Sendable, CaseIterable {
        case clear
        case pseudonym
        /// The /24 or /48 around it.
        case network
        case none
    }

    package var names = Names.pseudonym
    package var addresses = Addresses.pseudonym
    /// After how long nobody turns a pseudonym back.
    package var after = Duration.seconds(30 * 86_400)
    /// Of the keys, as an absolute path.
    package var folder = "/var/lib/culvert/privacy"

    package init() {
    }

    package var usesPseudonyms: Bool { names == .pseudonym || addresses == .pseudonym }
}
