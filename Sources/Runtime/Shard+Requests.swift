// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import DataPlane
internal import IKE
internal import Primitives

/// What others ask of a shard.
extension Shard {
    mutating func take(_ signal: Signals.Signal) {
        switch signal {
        case .terminate:
            shutDown()
        case .reload:
            reloadOnSignal()
        }
    }

    mutating func take(_ message: ShardMessage) {
        switch message {
        case .shutDown: shutDown()
        case .refusedPeers(let requester, let count): tellRefused(requester, count)
        case .configurationRead(let read): take(read)
        case .request(let request, let reply): take(request, reply)
        }
    }

    private mutating func tellRefused(_ requester: Requester?, _ count: Int) {
        report(
            EventDescription(
                .control,
                .warning,
                "peer-refused",
                "a process that may not use the control socket was turned away",
                remedy: "if it should, put its user into the group of the socket: control.group",
                fields: [.init("count", count)] + .fields(of: requester)
            )
        )
        for _ in 1..<max(1, count) { interpreter.sink.counters.count(layer: "control", name: "peer-refused") }
    }

    private mutating func shutDown() {
        guard ending == nil else {
            ending?.deadline = now
            return
        }
        ending = Ending(deadline: now.advanced(by: Self.farewellTime))
        service.stop(within: Self.farewellTime + .seconds(5))
        report(EventDescription(.control, .notice, "stopping", "saying goodbye to every peer"))
        handle(.command(.shutDown))
    }

    private mutating func take(_ request: ControlRequest, _ reply: @escaping @Sendable (ControlReply) -> Void) {
        switch request {
        case .status:
            reply(.status(status()))
        case .sessions(let includesHalfOpen):
            listings.begin(.all, includesHalfOpen: includesHalfOpen, reply)
        case .session(let trace):
            listings.begin(.trace(trace), includesHalfOpen: false, reply)
        case .matching(let selector):
            listings.begin(selector, includesHalfOpen: false, reply)
        case .rules:
            reply(plane.rules().map { .rules($0) } ?? .refused(.noRules))
        case .terminate(let selector, let requester):
            reply(.terminated(terminate(selector, by: requester)))
        case .traces:
            reply(.traces(machine.traces, at: now))
        case .explain(let selector):
            reply(.explanation(machine.explanation(of: selector, at: now)))
        case .reload(let order, let requester):
            reload(order, by: requester, reply)
        case .metrics, .page:
            measure(for: request, reply)
        case .impair(let order, let requester):
            reply(impair(order, by: requester))
        }
    }

    private func status() -> StatusSnapshot {
        var status = machine.status(at: now)
        status.name = identity.name
        status.version = identity.version
        status.uptimeSeconds = Double(started.duration(to: now).wholeNanoseconds) / 1e9
        status.counters = interpreter.sink.counters.byName.merging(status.counters ?? [:]) { ours, _ in ours }
        return status
    }

    private mutating func terminate(_ selector: CallSelector, by requester: Requester?) -> Int {
        let count = machine.count(matching: selector)
        report(
            EventDescription(
                .control,
                .notice,
                "terminate",
                "\(count) calls are told to end",
                fields: [.init("calls", count)] + .fields(of: requester)
            )
        )
        handle(.command(.terminate(selector)))
        return count
    }

    private mutating func impair(_ order: ImpairOrder, by requester: Requester?) -> ControlReply {
        guard interpreter.impairments != nil else { return .refused(.notImpairable) }
        let words: String
        switch order {
        case .list:
            return .impairments(interpreter.impairments?.entries ?? [])
        case .clear:
            interpreter.impairments?.clear()
            words = "no impairment is in force any more"
        case .add(let impairment):
            guard interpreter.impairments?.add(impairment) == true else { return .refused(.tooManyImpairments) }
            words = "impaired: \(impairment)"
        case .loseNotices:
            handle(.notice(.noticesLost))
            words = "impaired: notices of the kernel count as lost"
        case .stopTimers(let layers):
            handle(.command(.stopTimers(layers)))
            let names = layers.map(\.rawValue).sorted().joined(separator: ", ")
            words = layers.isEmpty ? "every timer runs" : "impaired: the timers of \(names) stand still"
        }
        report(EventDescription(.control, .warning, "impaired", words, fields: .fields(of: requester)))
        return .impairments(interpreter.impairments?.entries ?? [])
    }
}

extension [EventDescription.Field] {
    /// Who asked, if the kernel knows.
    static func fields(of requester: Requester?) -> Self {
        requester.map { [.init("uid", $0.user), .init("pid", $0.process)] } ?? []
    }
}
