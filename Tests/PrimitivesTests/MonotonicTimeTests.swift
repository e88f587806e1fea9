// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite struct MonotonicTimeTests {
    private func time(_ nanoseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds) }

    @Test("Times move by durations and are ordered")
    func arithmetic() {
        #expect(time(10).advanced(by: .nanoseconds(5)) == time(15))
        #expect(time(10).advanced(by: .seconds(2)) == time(2_000_000_010))
        #expect(time(10).advanced(by: .nanoseconds(-15)) == time(-5))
        #expect(time(10).duration(to: time(25)) == .nanoseconds(15))
        #expect(time(25).duration(to: time(10)) == .nanoseconds(-15))
        #expect(time(10) < time(11))
        #expect(!(time(10) < time(10)))
        #expect(MonotonicTime(sinceBoot: .milliseconds(3)) == time(3_000_000))
    }

    @Test("A step past either end of the clock stops there")
    func clamping() {
        #expect(time(.max).advanced(by: .nanoseconds(1)) == time(.max))
        #expect(time(1).advanced(by: .seconds(Int64.max)) == time(.max))
        #expect(time(.min).advanced(by: .nanoseconds(-1)) == time(.min))
        #expect(time(-2).advanced(by: .seconds(Int64.min)) == time(.min))
        #expect(time(.max).advanced(by: .zero) == time(.max))
    }

    @Test("The distance between the ends of the clock does not overflow")
    func widestDistance() {
        #expect(time(.min).duration(to: time(.max)) == .nanoseconds(Int64.max) - .nanoseconds(Int64.min))
        #expect(time(.max).duration(to: time(.min)) == .nanoseconds(Int64.min) - .nanoseconds(Int64.max))
    }

    @Test("Durations beyond 292 years are clamped, not trapped on")
    func wholeNanoseconds() {
        #expect(Duration.seconds(1).wholeNanoseconds == 1_000_000_000)
        #expect(Duration.microseconds(-1500).wholeNanoseconds == -1_500_000)
        #expect(Duration(secondsComponent: 0, attosecondsComponent: 999_999_999).wholeNanoseconds == 0)
        #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).wholeNanoseconds == .min)
        #expect(Duration.nanoseconds(Int64.max).wholeNanoseconds == .max)
        #expect(Duration.nanoseconds(Int64.min).wholeNanoseconds == .min)
        #expect((Duration.nanoseconds(Int64.max) + .nanoseconds(1)).wholeNanoseconds == .max)
        #expect((Duration.nanoseconds(Int64.min) - .nanoseconds(1)).wholeNanoseconds == .min)
    }
}
