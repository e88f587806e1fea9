// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// How many packets of a kind are still answered in this second.
struct AnswerBudget: Sendable {
    private let perSecond: UInt8
    private var spent: UInt8 = 0
    private var since: MonotonicTime?

    init(perSecond: UInt8) {
        self.perSecond = perSecond
    }

    /// - Returns: Whether there was something left.
    mutating func spend(at now: MonotonicTime) -> Bool {
        if since.map({ $0.duration(to: now) >= .seconds(1) }) ?? true {
            since = now
            spent = 0
        }
        guard spent < perSecond else { return false }
        spent += 1
        return true
    }
}
