// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// Notices who tries what is there: one address that within a minute sends many first messages that are refused, or many
/// malformed packets of different kinds. One finding for each address and hour.
///
/// The source of a first message is what the packet says; anybody can write another's address there.
package struct ScanDetector: Sendable {
    package struct Limits: Hashable, Sendable {
        /// Refused first messages of one source in a minute, that one included.
        package var refusals = 30
        /// Different complaints about malformed packets of one source in a minute.
        package var malformations = 8
        /// That are watched at once.
        package var sources = 4096

        package init(refusals: Int = 30, malformations: Int = 8, sources: Int = 4096) {
            self.refusals = refusals
            self.malformations = malformations
            self.sources = sources
        }
    }

    private struct Watch: Sendable {
        var end: MonotonicTime
        var refusals = 0
        /// Hashes of what was said about them.
        var malformations: Set<Int> = []
        /// Nothing more is told before.
        var quietUntil: MonotonicTime?
    }

    private static let window = Duration.seconds(60)
    private static let quietTime = Duration.seconds(3600)

    private let limits: Limits
    private var watches: [IPAddress: Watch] = [:]
    private var lastSweep: MonotonicTime?

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Refusals of those who have proved nothing.
    package static let refusals: Set<String> = [
        "ike.no-proposal-chosen", "ike.no-profile", "ike.unsupported-version", "ike.unsupported-exchange",
        "ike.aggressive-mode-refused", "ike.invalid-key-exchange", "ike.malformed-message", "ike.fragment-refused",
        "ike.first-message-rate",
    ]
    package static let malformations: Set<String> = [
        "ike.malformed-message", "ike.fragment-refused", "l2tp.malformed-message", "ppp.malformed-packet",
    ]

    private static let names = Set((refusals.union(malformations)).compactMap { $0.split(separator: ".").last })

    /// - Returns: What to report of the peer, if it has gone too far with this.
    package mutating func note(
        _ event: EventDescription,
        from peer: IPAddress?,
        at now: MonotonicTime
    ) -> EventDescription? {
        // Most events are none of those, and cost a look.
        guard let peer, event.severity >= .notice, Self.names.contains(Substring(event.name)) else { return nil }
        let name = "\(event.layer.rawValue).\(event.name)"
        let (isRefusal, isMalformed) = (Self.refusals.contains(name), Self.malformations.contains(name))
        guard isRefusal || isMalformed else { return nil }
        var watch = watches[peer] ?? Watch(end: now.advanced(by: Self.window))
        if let quietUntil = watch.quietUntil {
            guard quietUntil <= now else { return nil }
            watch = Watch(end: now.advanced(by: Self.window))
        } else if watch.end <= now {
            watch = Watch(end: now.advanced(by: Self.window))
        }
        if isRefusal { watch.refusals += 1 }
        if isMalformed, watch.malformations.count < limits.malformations {
            watch.malformations.insert(event.message.hashValue)
        }
        defer { if watches[peer] != nil || hasRoom(at: now) { watches[peer] = watch } }
        let finding: (kind: String, count: Int, words: String)
        if watch.malformations.count >= limits.malformations {
            let count = watch.malformations.count
            finding = ("malformed", count, "this address sent packets malformed in \(count) ways within a minute")
        } else if watch.refusals >= limits.refusals {
            let count = watch.refusals
            finding = ("refused", count, "\(count) first messages of this address were refused within a minute")
        } else {
            return nil
        }
        watch.quietUntil = now.advanced(by: Self.quietTime)
        return EventDescription(
            .control,
            .warning,
            "scan-detected",
            finding.words,
            remedy: "filter the source upstream if it is nobody's client; many clients behind one NAT with one wrong"
                + " setting look alike",
            fields: [.init("kind", finding.kind), .init("count", finding.count)]
        )
    }

    /// Forgets what is over; looks for it once a second at most.
    private mutating func hasRoom(at now: MonotonicTime) -> Bool {
        guard watches.count >= limits.sources else { return true }
        if let lastSweep, lastSweep.duration(to: now) < .seconds(1) { return false }
        lastSweep = now
        watches = watches.filter { ($0.value.quietUntil ?? $0.value.end) > now }
        return watches.count < limits.sources
    }
}
