// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
package import DataPlane
internal import IKE
package import Primitives

/// What other threads ask of a shard.
package enum ShardMessage: Sendable {
    /// `reply` is called on the shard's thread: it must only pass the answer on.
    case request(ControlRequest, reply: @Sendable (ControlReply) -> Void)
    /// As SIGTERM does.
    case shutDown
}

/// One thread's share of the gateway: a control plane, its sockets and its piece of the kernel.
///
/// Everything happens in ``run()``. One turn: read every ready source once (each read is bounded, so
/// nobody starves), decide, perform; feed the kernel's answers back until it has no more; then send
/// the datagrams of the turn in one batch per socket, take over what is to be watched, and sleep until
/// the next source or the next deadline.
package struct Shard<Machine: ShardMachine>: ~Copyable {
    package enum Source: Hashable, Sendable {
        case ike(Int)
        case plane(ReadableSource)
        case mailbox
        case signals
    }

    /// How a shut-down ends.
    private struct Ending {
        /// Peers that have not answered by then are not waited for.
        var deadline: MonotonicTime
    }

    /// Who the daemon is, for the status page.
    package struct Identity: Hashable, Sendable {
        package var name: String
        package var version: String

        package init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    /// Rounds of answers that beget requests in one turn; what is left waits for the next.
    private static var feedbackLimit: Int { 64 }
    /// Wake-ups without anything to read after which a hung-up descriptor is given up.
    private static var hangUpLimit: Int { 16 }
    private static var farewellTime: Duration { .seconds(5) }

    private var loop: EventLoop<Source>
    private var receiver: DatagramReceiver
    private var machine: Machine
    private var interpreter: EffectInterpreter
    private let plane: any DataPlane
    private let signals: Signals?
    /// Where other threads reach it.
    package let mailbox: Mailbox<ShardMessage>
    private let identity: Identity
    private let started: MonotonicTime
    private var now: MonotonicTime
    private var ending: Ending?
    private var hasMoreFeedback = false
    /// Empty wake-ups of descriptors that hung up.
    private var hangUps: [Int32: Int] = [:]
    /// Called once, when the shut-down begins.
    private let willEnd: () -> Void

    package init(
        machine: Machine,
        interpreter: consuming EffectInterpreter,
        plane: any DataPlane,
        signals: Signals?,
        identity: Identity,
        willEnd: @escaping () -> Void = {}
    ) throws(SystemError) {
        var loop = try EventLoop<Source>()
        let mailbox = try Mailbox<ShardMessage>()
        let receiver = try DatagramReceiver()
        try loop.watch(mailbox.descriptor, .mailbox)
        if let signals { try loop.watch(signals.descriptor, .signals) }
        for index in 0..<interpreter.sockets.count {
            try loop.watch(interpreter.sockets[index].rawDescriptor, .ike(index))
        }
        self.loop = loop
        self.receiver = receiver
        self.mailbox = mailbox
        self.machine = machine
        self.interpreter = interpreter
        self.plane = plane
        self.signals = signals
        self.identity = identity
        self.willEnd = willEnd
        started = .current()
        now = started
    }

    /// Writes a line of the daemon's own.
    package mutating func report(_ description: EventDescription) {
        interpreter.sink.report(description, at: now)
    }

    /// Serves until it is told to end and has said goodbye; then the kernel holds nothing of ours.
    package mutating func run() throws(SystemError) {
        defer { plane.shutDown() }
        applyWatchChanges()
        while !isOver { try turn() }
    }

    private var isOver: Bool {
        guard let ending else { return false }
        return (machine.isIdle && !hasMoreFeedback) || ending.deadline <= now
    }

    private mutating func turn() throws(SystemError) {
        let count = try loop.wait(until: hasMoreFeedback ? now : nextDeadline, now: .current())
        now = .current()
        for index in 0..<count {
            guard let ready = loop.ready(at: index) else { continue }
            serve(ready)
        }
        if let deadline = machine.nextDeadline, deadline <= now {
            interpreter.perform(machine.advance(to: now), at: now)
        }
        settle()
        interpreter.send()
        applyWatchChanges()
        if let deadline = interpreter.sink.nextDeadline, deadline <= now { interpreter.sink.advance(to: now) }
    }

    private var nextDeadline: MonotonicTime? {
        var earliest = machine.nextDeadline
        if let deadline = interpreter.sink.nextDeadline { earliest = min(earliest ?? deadline, deadline) }
        if let ending { earliest = min(earliest ?? ending.deadline, ending.deadline) }
        return earliest
    }

    private mutating func serve(_ ready: EventLoop<Source>.Ready) {
        switch ready.source {
        case .ike(let index):
            readDatagrams(of: index)
        case .plane(let source):
            let notices = plane.read(source)
            if ready.isOnlyHungUp, notices.isEmpty {
                endure(ready)
            } else if !hangUps.isEmpty {
                hangUps[ready.descriptor] = nil
            }
            take(notices)
        case .mailbox:
            for message in mailbox.take() { take(message) }
        case .signals:
            while let signal = signals?.next() { take(signal) }
        }
    }

    private mutating func readDatagrams(of index: Int) {
        let socket = interpreter.sockets[index]
        let port = interpreter.sockets.port(at: index)
        let count: Int
        do {
            count = try receiver.receive(from: socket)
        } catch {
            report(EventDescription(.kernel, .warning, "receive-failed", "\(socket.local) cannot be read: \(error)"))
            return
        }
        now = .current()
        for place in 0..<count {
            guard let received = receiver.datagram(at: place) else {
                interpreter.sink.counters.packets.unusable += 1
                continue
            }
            interpreter.sink.counters.packets.received += 1
            let datagram = IKE.Datagram(
                bytes: received.bytes,
                port: port,
                local: SocketAddress(received.local, port: socket.local.port),
                peer: received.peer
            )
            interpreter.perform(machine.handle(.datagram(datagram), at: now), at: now)
        }
        interpreter.sink.counters.packets.overflowed += UInt64(receiver.takeOverflow(of: socket))
    }

    private mutating func take(_ notices: [DataPlaneNotice]) {
        for notice in notices {
            switch notice {
            case .datagram, .frame: interpreter.sink.counters.packets.received += 1
            case .answered, .expired, .mappingChanged, .vanished, .noticesLost: break
            }
            interpreter.perform(machine.handle(.notice(notice), at: now), at: now)
        }
    }

    /// Feeds the kernel's answers back until there are none.
    private mutating func settle() {
        for _ in 0..<Self.feedbackLimit {
            let notices = plane.flush()
            hasMoreFeedback = !notices.isEmpty
            guard hasMoreFeedback else { return }
            take(notices)
        }
    }

    private mutating func applyWatchChanges() {
        for change in plane.takeWatchChanges() {
            switch change {
            case .watch(let descriptor, let source):
                do {
                    try loop.watch(descriptor, .plane(source))
                } catch {
                    report(EventDescription(.kernel, .error, "watch-failed", "\(source) cannot be watched: \(error)"))
                }
            case .unwatch(let descriptor):
                loop.unwatch(descriptor)
                hangUps[descriptor] = nil
            }
        }
    }

    /// A descriptor whose other end is gone is readable for ever. Whoever owns it is given time to
    /// notice; then it is not watched any more, or the loop would spin.
    private mutating func endure(_ ready: EventLoop<Source>.Ready) {
        let count = hangUps[ready.descriptor, default: 0] + 1
        hangUps[ready.descriptor] = count
        guard count >= Self.hangUpLimit else { return }
        hangUps[ready.descriptor] = nil
        loop.unwatch(ready.descriptor)
        report(
            EventDescription(
                .kernel,
                .warning,
                "source-hung-up",
                "a descriptor of the data plane hung up and its owner did not let go of it: \(ready.source)"
            )
        )
    }

    // MARK: What others ask

    private mutating func take(_ signal: Signals.Signal) {
        switch signal {
        case .terminate:
            shutDown()
        case .reload:
            report(
                EventDescription(
                    .control,
                    .notice,
                    "reload-not-supported",
                    "SIGHUP does nothing: reading the configuration again comes with a later version",
                    remedy: "restart culvertd for a new configuration to count"
                )
            )
        }
    }

    private mutating func take(_ message: ShardMessage) {
        switch message {
        case .shutDown: shutDown()
        case .request(let request, let reply): reply(answer(request))
        }
    }

    private mutating func shutDown() {
        guard ending == nil else {
            ending?.deadline = now
            return
        }
        ending = Ending(deadline: now.advanced(by: Self.farewellTime))
        willEnd()
        report(EventDescription(.control, .notice, "stopping", "saying goodbye to every peer"))
        interpreter.perform(machine.handle(.command(.shutDown), at: now), at: now)
    }

    private mutating func answer(_ request: ControlRequest) -> ControlReply {
        switch request {
        case .status:
            var status = machine.status(at: now)
            status.name = identity.name
            status.version = identity.version
            status.uptimeSeconds = Double(started.duration(to: now).wholeNanoseconds) / 1e9
            status.counters = interpreter.sink.counters.byName
            return .status(status)
        case .sessions:
            return .sessions(machine.calls(at: now).map { addTraffic($0) })
        case .session(let trace):
            let selector = CallSelector.trace(trace)
            return .sessions(machine.calls(at: now).filter(selector.selects).map { addTraffic($0) })
        case .terminate(let selector, let requester):
            let count = machine.calls(at: now).count(where: selector.selects)
            var fields: [EventDescription.Field] = [.init("calls", count)]
            if let requester {
                fields += [.init("uid", requester.user), .init("pid", requester.process)]
            }
            report(
                EventDescription(.control, .notice, "terminate", "\(count) calls are told to end", fields: fields)
            )
            interpreter.perform(machine.handle(.command(.terminate(selector)), at: now), at: now)
            return .terminated(count)
        }
    }

    private func addTraffic(_ call: CallSnapshot) -> CallSnapshot {
        guard call.interface != nil, let l2tp = call.l2tp,
            let counters = plane.counters(
                of: KernelSessionID(tunnel: UInt32(l2tp.tunnel), session: UInt32(l2tp.session))
            )
        else { return call }
        var call = call
        call.traffic = CallSnapshot.TrafficPart(
            receivedPackets: counters.receivedPackets,
            receivedBytes: counters.receivedBytes,
            sentPackets: counters.sentPackets,
            sentBytes: counters.sentBytes
        )
        return call
    }
}
