// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Primitives
import Runtime
import Testing

struct TrafficReadingsTests {
    private static func counters(_ received: UInt64, _ sent: UInt64) -> TrafficCounters {
        TrafficCounters(
            receivedPackets: received / 100,
            receivedBytes: received,
            sentPackets: sent / 100,
            sentBytes: sent
        )
    }

    private static let one = KernelSessionID(tunnel: 1, session: 1)
    private static let two = KernelSessionID(tunnel: 1, session: 2)

    @Test func theSumGrowsOverCallsThatEndAndNumbersThatAreUsedAgain() {
        var readings = TrafficReadings()
        readings.finish(
            .counters([Self.one: Self.counters(1000, 100), Self.two: Self.counters(500, 50)]),
            at: seconds(1)
        )
        #expect(readings.total == Self.counters(1500, 150))
        readings.finish(.counters([Self.one: Self.counters(1200, 100)]), at: seconds(2))
        #expect(readings.total == Self.counters(1700, 150))
        // The second ended; another one has its number, and has carried less.
        readings.finish(
            .counters([Self.one: Self.counters(1200, 100), Self.two: Self.counters(300, 0)]),
            at: seconds(3)
        )
        #expect(readings.total == Self.counters(2000, 150))
        readings.finish(.counters([Self.one: Self.counters(100, 100)]), at: seconds(4))
        #expect(readings.total.receivedBytes == 2100)
    }

    @Test func aReadingThatFailedChangesNothing() {
        var readings = TrafficReadings()
        readings.finish(.counters([Self.one: Self.counters(1000, 100)]), at: seconds(1))
        readings.finish(.failed(DataPlaneError(step: "x", code: 1)), at: seconds(2))
        readings.finish(.counters([Self.one: Self.counters(1100, 100)]), at: seconds(3))
        #expect(readings.total.receivedBytes == 1100)
    }

    @Test func oneReadingAtATimeUnderATicketOfItsOwn() {
        var readings = TrafficReadings()
        let ticket = readings.begin()
        let second = readings.begin()
        #expect(ticket != nil && second == nil)
        #expect(ticket.map(readings.owns) == true)
        #expect(!readings.owns(DataPlaneTicket(rawValue: 1)))
        readings.finish(.counters([:]), at: seconds(1))
        #expect(ticket.map(readings.owns) == false)
        let next = readings.begin()
        #expect(next != nil && next != ticket)
    }

    @Test func anHourIsSixtyMinutesAndTheOldestGoes() {
        var readings = TrafficReadings()
        readings.start(at: seconds(0))
        for minute in 1...70 {
            #expect(readings.nextDeadline == seconds(Double(60 * minute)))
            // Whoever asks between minutes does not end one.
            readings.finish(
                .counters([Self.one: Self.counters(UInt64(1000 * minute - 500), 0)]),
                at: seconds(Double(60 * minute - 1))
            )
            readings.finish(
                .counters([Self.one: Self.counters(UInt64(1000 * minute), 0)]),
                at: seconds(Double(60 * minute))
            )
        }
        #expect(readings.minutes.count == TrafficReadings.minuteLimit)
        #expect(readings.minutes.allSatisfy { $0.received == 1000 && $0.length == .seconds(60) })
        #expect(readings.minutes.last?.end == seconds(4200))
    }

    @Test func withoutAListenerNobodyIsWokenUp() {
        var readings = TrafficReadings()
        readings.finish(.counters([:]), at: seconds(100))
        #expect(readings.nextDeadline == nil)
        #expect(readings.minutes == [])
        #expect(readings.isFresh(at: seconds(104)))
        #expect(!readings.isFresh(at: seconds(105)))
    }
}
