// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import ControlPlane
package import DataPlane
internal import IKE
package import Primitives

/// What is measured, and who asks for it.
extension Shard {
    /// Rows of the page.
    static var pageLimit: Int { 200 }

    /// Answers when the kernel has said what the sessions carried; who asks meanwhile, or a moment later, gets the same
    /// answer.
    mutating func measure(for request: ControlRequest, _ reply: @escaping @Sendable (ControlReply) -> Void) {
        if let answer = kept.answer(to: request, at: now) { return reply(answer) }
        guard !traffic.isFresh(at: now), traffic.isAnswering || readTraffic(), waiting.count < 64 else {
            return reply(measured(for: request))
        }
        waiting.append(Waiting(request: request, reply: reply))
    }

    /// - Returns: Whether an answer will come.
    @discardableResult
    mutating func readTraffic() -> Bool {
        let sessions = machine.kernelSessions
        guard !sessions.isEmpty else {
            traffic.finish(.counters([:]), at: now)
            return false
        }
        guard let ticket = traffic.begin() else { return true }
        interpreter.perform([.request(.readCounters(sessions), ticket)], at: now)
        return true
    }

    mutating func trafficRead(_ outcome: DataPlaneOutcome) {
        traffic.finish(outcome, at: now)
        let asked = waiting
        waiting = []
        // They wait for what was read just now.
        kept = KeptAnswers()
        for question in asked { question.reply(measured(for: question.request)) }
    }

    private mutating func measured(for request: ControlRequest) -> ControlReply {
        if let answer = kept.answer(to: request, at: now) { return answer }
        let answer = newlyMeasured(for: request)
        kept.keep(answer, to: request, at: now)
        return answer
    }

    private func newlyMeasured(for request: ControlRequest) -> ControlReply {
        let metrics = MetricsSnapshot(
            name: identity.name,
            version: identity.version,
            uptime: started.duration(to: now),
            gauges: machine.gauges(),
            measurements: interpreter.sink.measurements,
            counters: interpreter.sink.counters,
            traffic: traffic.total
        )
        guard request == .page else { return .metrics(metrics) }
        return .page(
            PageSnapshot(
                metrics: metrics,
                calls: machine.newestCalls(Self.pageLimit, at: now),
                callTraffic: traffic.sessions,
                minutes: traffic.minutes,
                now: now
            )
        )
    }

    /// The time of the machine's thread, where key agreements and ciphers are most of it. First messages are left out:
    /// in a flood even looking at the clock would count.
    mutating func handleMeasured(_ datagram: IKE.Datagram) {
        let before = culvert_thread_cpu_nanoseconds()
        let effects = machine.handle(.datagram(datagram), at: now)
        let spent = culvert_thread_cpu_nanoseconds() - before
        interpreter.sink.measurements.noteWork(on: datagram, cpuNanoseconds: spent)
        interpreter.perform(effects, at: now)
    }
}

/// Somebody who waits for the kernel's counters.
struct Waiting {
    var request: ControlRequest
    var reply: @Sendable (ControlReply) -> Void
}

/// The last answers to those who ask for metrics: each passes all calls and keys, which is not done for everybody who asks
/// in one turn, nor for somebody who asks all the time.
struct KeptAnswers {
    static let lifetime: Duration = .milliseconds(500)

    private var answers: [ControlRequest: (reply: ControlReply, time: MonotonicTime)] = [:]

    func answer(to request: ControlRequest, at now: MonotonicTime) -> ControlReply? {
        guard let answer = answers[request], answer.time.duration(to: now) < Self.lifetime else { return nil }
        return answer.reply
    }

    mutating func keep(_ reply: ControlReply, to request: ControlRequest, at now: MonotonicTime) {
        answers[request] = (reply, now)
    }
}

/// The gateway in numbers, as it stands.
package struct MetricsSnapshot: Hashable, Sendable {
    package var name: String
    package var version: String
    package var uptime: Duration
    package var gauges: ControlPlane.Gauges
    package var measurements: Measurements
    package var counters: Counters
    package var traffic: TrafficCounters

    package init(
        name: String,
        version: String,
        uptime: Duration,
        gauges: ControlPlane.Gauges,
        measurements: Measurements,
        counters: Counters,
        traffic: TrafficCounters
    ) {
        self.name = name
        self.version = version
        self.uptime = uptime
        self.gauges = gauges
        self.measurements = measurements
        self.counters = counters
        self.traffic = traffic
    }
}

/// What the page for people shows.
package struct PageSnapshot: Hashable, Sendable {
    package var metrics: MetricsSnapshot
    /// The newest ones.
    package var calls: [ControlPlane.CallLine]
    package var callTraffic: [KernelSessionID: TrafficCounters]
    /// Oldest first.
    package var minutes: [TrafficReadings.Minute]
    package var now: MonotonicTime

    package init(
        metrics: MetricsSnapshot,
        calls: [ControlPlane.CallLine],
        callTraffic: [KernelSessionID: TrafficCounters],
        minutes: [TrafficReadings.Minute],
        now: MonotonicTime
    ) {
        self.metrics = metrics
        self.calls = calls
        self.callTraffic = callTraffic
        self.minutes = minutes
        self.now = now
    }
}
