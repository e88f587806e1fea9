// SPDX-License-Identifier: Apache-2.0
import Primitives
import Runtime
import Testing

struct LogLimiterTests {
    private let noise = EventDescription(.ike, .warning, "malformed", "x")
    private let other = EventDescription(.ike, .info, "established", "x")
    private let a = IPAddress.v4(1)
    private let b = IPAddress.v4(2)

    @Test func letsABurstOfOnePeerThroughAndThenOneASecond() {
        let limiter = LimiterBox(LogLimiter())
        let admitted = (0..<20).count { _ in limiter.admits(noise, from: a, at: seconds(10)) }
        #expect(admitted == 5)
        #expect(!limiter.admits(noise, from: a, at: seconds(10.9)))
        #expect(limiter.admits(noise, from: a, at: seconds(11)))
        #expect(!limiter.admits(noise, from: a, at: seconds(11)))
    }

    @Test func onePeersNoiseHidesNobodyElse() {
        let limiter = LimiterBox(LogLimiter())
        for _ in 0..<1000 { _ = limiter.admits(noise, from: a, at: seconds(10)) }
        #expect(limiter.admits(noise, from: b, at: seconds(10)))
        #expect(limiter.admits(other, from: a, at: seconds(10)))
    }

    @Test func aFloodFromEverywhereEnds() {
        let limiter = LimiterBox(LogLimiter())
        let admitted = (0..<10_000).count { limiter.admits(noise, from: .v4(UInt32($0)), at: seconds(10)) }
        #expect(admitted == 100)
        #expect(limiter.admits(noise, from: .v4(99_999), at: seconds(10.11)))
    }

    @Test func eventsWithoutAPeerAreLimitedByName() {
        let limiter = LimiterBox(LogLimiter())
        let admitted = (0..<500).count { _ in limiter.admits(noise, from: nil, at: seconds(10)) }
        #expect(admitted == 100)
    }

    @Test func errorsThatNoPeerCausesAlwaysPass() {
        let limiter = LimiterBox(LogLimiter())
        let error = EventDescription(.kernel, .error, "refused", "x")
        let admitted = (0..<500).count { _ in limiter.admits(error, from: nil, at: seconds(10)) }
        #expect(admitted == 500)
        let caused = (0..<500).count { _ in limiter.admits(error, from: a, at: seconds(10)) }
        #expect(caused == 5)
    }

    @Test func tellsOnceAMinuteHowManyWereHeldBack() {
        let limiter = LimiterBox(LogLimiter())
        #expect(limiter.nextDeadline == nil)
        for _ in 0..<105 { _ = limiter.admits(noise, from: a, at: seconds(10)) }
        #expect(limiter.nextDeadline == seconds(70))
        #expect(limiter.summary(at: seconds(69)).isEmpty)
        #expect(limiter.summary(at: seconds(70)) == [.init(layer: .ike, name: "malformed", count: 100)])
        #expect(limiter.nextDeadline == nil)
        #expect(limiter.summary(at: seconds(200)).isEmpty)
    }

    @Test func remembersABoundedNumberOfPeers() {
        let limiter = LimiterBox(
            LogLimiter(
                perName: .init(perSecond: 1e9, burst: 1e9),
                perPeer: .init(perSecond: 1, burst: 1),
                peerLimit: 2
            )
        )
        #expect(limiter.admits(noise, from: .v4(1), at: seconds(10)))
        #expect(limiter.admits(noise, from: .v4(2), at: seconds(10)))
        // No room to tell the third apart: it shares the bucket of the name only.
        #expect(limiter.admits(noise, from: .v4(3), at: seconds(10)))
        #expect(limiter.admits(noise, from: .v4(3), at: seconds(10)))
        #expect(!limiter.admits(noise, from: .v4(1), at: seconds(10)))
        // Two seconds later the first two are forgotten, and the third is told apart.
        #expect(limiter.admits(noise, from: .v4(3), at: seconds(12)))
        #expect(!limiter.admits(noise, from: .v4(3), at: seconds(12)))
    }
}

/// A limiter that `#expect` can ask: its macro copies what it looks at.
private final class LimiterBox {
    private var limiter: LogLimiter

    init(_ limiter: LogLimiter) { self.limiter = limiter }

    var nextDeadline: MonotonicTime? { limiter.nextDeadline }

    func admits(_ event: EventDescription, from peer: IPAddress?, at now: MonotonicTime) -> Bool {
        limiter.admits(event, from: peer, at: now)
    }

    func summary(at now: MonotonicTime) -> [LogLimiter.Suppressed] { limiter.summary(at: now) }
}
