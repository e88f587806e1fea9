// SPDX-License-Identifier: Apache-2.0
internal import Primitives

extension IKEv1 {
    /// Our attempts to replace something before it ends, should the peer not have done so.
    struct Replacement: Hashable, Sendable {
        private static let mostAttempts: UInt8 = 3

        /// When we (next) try; `nil` after the last attempt.
        private(set) var next: MonotonicTime?
        private var attempts: UInt8 = 0

        init(from first: MonotonicTime) {
            next = first
        }

        var isPossible: Bool { attempts < Self.mostAttempts }

        /// Counts an attempt and sets the time of the next.
        ///
        /// - Parameter end: When what is to be replaced ends.
        mutating func noteAttempt(at now: MonotonicTime, before end: MonotonicTime) {
            attempts += 1
            let wait = max(now.duration(to: end) / 3, .seconds(1))
            next = isPossible ? now.advanced(by: wait) : nil
        }

        /// The end is nearer than it was thought to be.
        mutating func advance(to time: MonotonicTime) {
            next = next.map { min($0, time) }
        }

        /// It is the peer's affair.
        mutating func leaveToPeer() {
            next = nil
        }
    }
}
