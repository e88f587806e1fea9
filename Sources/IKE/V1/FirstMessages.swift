// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension IKEv1 {
    /// The last first messages and what they were answered with: so that a repetition gets the same answer, a refusal is
    /// said once, and a peer that our answer never reaches is mentioned.
    ///
    /// A convenience, not a state: no exchange fails when the oldest entries are pushed out by a flood.
    package struct FirstMessages: Sendable {
        package struct Key: Hashable, Sendable {
            package var cookie: Cookie
            package var peer: SocketAddress
        }

        private struct Entry: Sendable {
            var answer: Answer
            var trace: TraceID
            var came: MonotonicTime
        }

        package static let most = 1024

        private let life: Duration
        private var entries = Ring<Key, Entry>(capacity: most)
        private var lastPushedOut: MonotonicTime?
        package private(set) var forgotten: UInt64 = 0

        package init(life: Duration) {
            self.life = life
        }

        package var count: Int { entries.count }
        package var nextDeadline: MonotonicTime? { entries.first?.value.came.advanced(by: life) }

        package mutating func record(_ key: Key, _ answer: Answer, _ trace: TraceID, at now: MonotonicTime) {
            let entry = Entry(answer: answer, trace: trace, came: now)
            guard entries.append(entry, for: key).pushedOut != nil else { return }
            lastPushedOut = now
            forgotten += 1
        }

        /// What to send if this is a message that was there before; `nil` if it was not. Another message with the same
        /// cookie gets nothing.
        package mutating func answerAgain(_ key: Key, _ arrival: Arrival) -> [Effect]? {
            entries.withValue(of: key) { entry in
                guard entry.answer.fingerprint == arrival.fingerprint else { return [] }
                return entry.answer.again(at: arrival.now, over: arrival.path, unlimited: false)
            }
        }

        /// The cookie came back.
        package mutating func settle(_ key: Key) {
            entries.remove(key)
        }

        package mutating func removeAll() {
            while entries.removeFirst() != nil {}
        }

        /// Peers that were answered and have not been heard of since. Nothing is said of those in a crowd that did not
        /// fit: whoever would be named would be so by chance.
        package mutating func advance(to now: MonotonicTime) -> [Effect] {
            var effects: [Effect] = []
            while let first = entries.first, first.value.came.advanced(by: life) <= now {
                entries.removeFirst()
                guard !first.value.answer.message.isEmpty else { continue }
                if let lastPushedOut, first.value.came <= lastPushedOut {
                    forgotten += 1
                    continue
                }
                effects.append(
                    .report(
                        Event(
                            trace: first.value.trace,
                            peer: first.key.peer,
                            kind: .exchangeTimeout("main mode before message 3")
                        )
                    )
                )
            }
            return effects
        }
    }
}
