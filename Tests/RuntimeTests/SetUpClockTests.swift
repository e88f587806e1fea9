// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@testable import Runtime

struct BoundedTraceTests {
    private func trace(_ number: Int) -> TraceID { TraceID(rawValue: UInt64(number)) }

    /// A peer that dials under the keys it has, again and again.
    @Test func aTraceThatComesAgainAndAgainTakesNoMoreRoom() {
        var table = SetUpClock.BoundedTrace(capacity: 10)
        for _ in 0..<1000 {
            table.set(.init(), for: trace(1))
            _ = table.take(trace(1))
            table.set(.init(), for: trace(1))
            #expect(table.order.count <= 21)
            _ = table.take(trace(1))
        }
    }

    @Test func whoCameAgainHasItsLastPlace() {
        var table = SetUpClock.BoundedTrace(capacity: 3)
        for number in 1...2 { table.set(.init(), for: trace(number)) }
        // Until the order is written anew.
        for _ in 0..<5 {
            _ = table.take(trace(1))
            table.set(.init(), for: trace(1))
        }
        #expect(table.order == [trace(2), trace(1)])
        for number in 3...4 { table.set(.init(), for: trace(number)) }
        #expect(table.take(trace(2)) == nil)
        for number in [1, 3, 4] { #expect(table.take(trace(number)) != nil) }
    }
}
