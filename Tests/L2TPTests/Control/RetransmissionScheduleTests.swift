// SPDX-License-Identifier: Apache-2.0
import L2TP
import Testing

struct RetransmissionScheduleTests {
    @Test func doublesUpToItsLimit() {
        let waits = (0...6).map { RetransmissionSchedule().wait(after: $0) }
        #expect(waits == [1, 2, 4, 8, 8, 8, 8].map { .seconds($0) })
    }

    /// RFC 2661 §5.7: "The recommended time for a full retransmission cycle is 31 seconds".
    @Test func takes31SecondsInAll() {
        #expect(RetransmissionSchedule().cycle == .seconds(31))
    }

    @Test func survivesStrangeSettings() {
        #expect(RetransmissionSchedule(first: .seconds(10), longest: .seconds(8), limit: 0).cycle == .seconds(10))
        #expect(RetransmissionSchedule(limit: 1_000_000).wait(after: 1_000_000) == .seconds(8))
    }
}
