// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Primitives
import Testing

struct AuthenticationThrottleTests {
    private let home = IPAddress("198.51.100.7")!
    private let elsewhere = IPAddress("203.0.113.9")!
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func time(_ seconds: Double) -> MonotonicTime { start.advanced(by: .seconds(seconds)) }

    /// A try with a wrong password.
    ///
    /// - Returns: Whether anybody looked at it.
    @discardableResult
    private func fail(
        _ throttle: inout AuthenticationThrottle,
        _ name: String = "alice",
        from source: IPAddress,
        at seconds: Double
    ) -> Bool {
        guard throttle.ruling(on: name, from: source, at: time(seconds)) == .look else { return false }
        throttle.record(isAccepted: false, userName: name, from: source, at: time(seconds))
        return true
    }

    @Test func theSixthTryWithinFiveMinutesIsNotLookedAt() {
        var throttle = AuthenticationThrottle()
        for second in 0..<5 { #expect(fail(&throttle, from: home, at: Double(second))) }
        #expect(throttle.ruling(on: "alice", from: home, at: time(5)) == .refuse(.pair, until: time(304)))
        #expect(throttle.ruling(on: "alice", from: home, at: time(303.9)) == .refuse(.pair, until: time(304)))
        #expect(throttle.ruling(on: "alice", from: home, at: time(304)) == .look)
    }

    @Test func slowMistakesAddUpToNothing() {
        var throttle = AuthenticationThrottle()
        for number in 0..<40 { #expect(fail(&throttle, from: home, at: Double(number) * 80)) }
    }

    @Test func theLockDoublesUpToAnHour() {
        var throttle = AuthenticationThrottle()
        var now = 0.0
        for minutes in [5.0, 10, 20, 40, 60, 60] {
            for _ in 0..<5 { #expect(fail(&throttle, from: home, at: now)) }
            now += minutes * 60
            #expect(!fail(&throttle, from: home, at: now - 0.5))
        }
    }

    @Test func anHourOfPeaceAfterTheLockForgivesTheRest() {
        var throttle = AuthenticationThrottle()
        for _ in 0..<5 { fail(&throttle, from: home, at: 0) }
        for _ in 0..<5 { fail(&throttle, from: home, at: 300 + 3600) }
        #expect(throttle.ruling(on: "alice", from: home, at: time(4199)) != .look)
        #expect(throttle.ruling(on: "alice", from: home, at: time(4200)) == .look)
    }

    @Test func theVictimOfAGuesserIsNotLockedOut() {
        var throttle = AuthenticationThrottle()
        for second in 0..<20 { fail(&throttle, from: elsewhere, at: Double(second)) }
        #expect(throttle.ruling(on: "alice", from: home, at: time(20)) == .look)
        #expect(throttle.ruling(on: "bob", from: elsewhere, at: time(20)) == .look)
    }

    @Test func successResetsThePair() {
        var throttle = AuthenticationThrottle()
        for round in 0..<10 {
            for _ in 0..<4 { #expect(fail(&throttle, from: home, at: Double(round))) }
            throttle.record(isAccepted: true, userName: "alice", from: home, at: time(Double(round)))
            // The source is another matter.
            if round == 6 { break }
        }
        #expect(throttle.ruling(on: "alice", from: home, at: time(7)) == .look)
    }

    @Test func aSourceThatGuessesManyNamesGetsOneTryInTenSeconds() {
        var throttle = AuthenticationThrottle()
        for number in 0..<30 { #expect(fail(&throttle, "user \(number)", from: elsewhere, at: 1)) }
        #expect(throttle.ruling(on: "carol", from: elsewhere, at: time(2)) == .refuse(.source, until: time(11)))
        #expect(fail(&throttle, "carol", from: elsewhere, at: 11))
        #expect(!fail(&throttle, "dave", from: elsewhere, at: 20.9))
        #expect(fail(&throttle, "dave", from: elsewhere, at: 21))
        #expect(throttle.ruling(on: "carol", from: home, at: time(21)) == .look)
        #expect(throttle.ruling(on: "erin", from: elsewhere, at: time(601)) == .look)
        #expect(throttle.ruling(on: "frank", from: elsewhere, at: time(601)) == .look)
    }

    @Test func successDoesNotBuyASourceMoreGuesses() {
        var throttle = AuthenticationThrottle()
        for number in 0..<30 {
            fail(&throttle, "user \(number)", from: elsewhere, at: 1)
            throttle.record(isAccepted: true, userName: "own", from: elsewhere, at: time(1))
        }
        #expect(throttle.ruling(on: "carol", from: elsewhere, at: time(2)) != .look)
    }

    @Test func aLargeSourceHasSixteenTimesAsManyTries() throws {
        var throttle = AuthenticationThrottle(largeSources: [try #require(IPPrefix("203.0.113.0/24"))])
        for number in 0..<(16 * 30) { #expect(fail(&throttle, "user \(number)", from: elsewhere, at: 1)) }
        #expect(!fail(&throttle, "carol", from: elsewhere, at: 1))
        #expect(fail(&throttle, "carol", from: elsewhere, at: 1.625))
        #expect(!fail(&throttle, "dave", from: elsewhere, at: 2.249))
    }

    @Test func oneIPv6NetworkIsOneSource() throws {
        var throttle = AuthenticationThrottle()
        for number in 0..<5 {
            fail(&throttle, from: try #require(IPAddress("2001:db8::\(number + 1)")), at: 1)
        }
        #expect(!fail(&throttle, from: try #require(IPAddress("2001:db8::ffff")), at: 2))
        #expect(fail(&throttle, from: try #require(IPAddress("2001:db8:0:1::1")), at: 2))
    }

    @Test func aRefusalWaitsFromHalfASecondToTwo() {
        var throttle = AuthenticationThrottle()
        #expect(throttle.delay(of: "nobody", at: start) == .milliseconds(500))
        var delays: [Duration] = []
        for second in 0..<5 {
            fail(&throttle, from: home, at: Double(second))
            delays.append(throttle.delay(of: "alice", at: time(Double(second))))
        }
        #expect(delays == [500, 1000, 2000, 2000, 2000].map { .milliseconds($0) })
        #expect(throttle.delay(of: "alice", at: time(300)) == .milliseconds(500))
    }

    @Test func noAttackGrowsTheTablesBeyondTheirBound() throws {
        var limits = AuthenticationThrottle.Limits()
        limits.capacity = 100
        var throttle = AuthenticationThrottle(limits: limits)
        for number in 0..<10_000 {
            let source = IPAddress.v4(UInt32(truncatingIfNeeded: number &* 2_654_435_761))
            fail(&throttle, "user \(number)", from: source, at: Double(number) / 100)
        }
        #expect(throttle.count == 300)
    }
}
