// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
package import DataPlane
internal import IKE
package import Primitives

/// What other threads ask of a shard.
package enum ShardMessage: Sendable {
    /// `reply` is called on the shard's thread: it must only pass the answer on.
    case request(ControlRequest, reply: @Sendable (ControlReply) -> Void)
    /// Callers that may not use the control socket, since the last of these; the last of them.
    case refusedPeers(Requester?, count: Int)
    /// As SIGTERM does.
    case shutDown
    /// What a thread of its own has found in the configuration file.
    case configurationRead(ConfigurationRead)
}

/// One thread's share of the gateway: a control plane, its sockets and its piece of the kernel.
///
/// Everything happens in ``run()``. One turn: read every ready source once (each read is bounded, so
/// nobody starves), decide, perform; hear some of the ``Newcomers``; feed the kernel's answers back until
/// it has no more; then send the datagrams of the turn in one batch per socket, take over what is to be
/// watched, and sleep until the next source or the next deadline. Of a list of calls one slice is made in a turn.
package struct Shard<Machine: ShardMachine>: ~Copyable {
    package enum Source: Hashable, Sendable {
        case ike(Int)
        case plane(ReadableSource)
        case mailbox
        case signals
    }

    /// How a shut-down ends.
    struct Ending {
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
    static var farewellTime: Duration { .seconds(5) }
    /// How long a clock that was set may pass for what it was before.
    private static var calendarInterval: Duration { .seconds(3600) }
    /// Batches read from one IKE socket in one turn.
    private static var readLimit: Int { 8 }

    private var loop: EventLoop<Source>
    private var receiver: DatagramReceiver
    var machine: Machine
    var interpreter: EffectInterpreter
    let plane: any DataPlane
    private let signals: Signals?
    /// Where other threads reach it.
    package let mailbox: Mailbox<ShardMessage>
    var identity: Identity
    /// `nil` if the configuration did not come from files.
    var reloader: Reloader?
    let started: MonotonicTime
    private(set) var now: MonotonicTime
    /// When the machine is next told what day it is.
    private var nextCalendar: MonotonicTime
    var ending: Ending?
    private var hasMoreFeedback = false
    private var newcomers = Newcomers()
    var listings = Listings()
    var traffic = TrafficReadings()
    /// For ``measure(for:_:)``.
    var waiting: [Waiting] = []
    var kept = KeptAnswers()
    private let isSampling: Bool
    /// Empty wake-ups of descriptors that hung up.
    private var hangUps: [Int32: Int] = [:]
    var service: ServiceChannel

    package init(
        machine: Machine,
        interpreter: consuming EffectInterpreter,
        plane: any DataPlane,
        signals: Signals?,
        identity: Identity,
        isSampling: Bool = false,
        reloader: Reloader? = nil,
        service: ServiceChannel = ServiceChannel()
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
        self.isSampling = isSampling
        self.reloader = reloader
        self.service = service
        started = .current()
        now = started
        nextCalendar = started
    }

    /// Writes a line of the daemon's own.
    package mutating func report(_ description: EventDescription) {
        interpreter.sink.report(description, at: now)
    }

    /// Tells the service manager, if there is one, that requests are answered.
    package mutating func becomeReady() { service.becomeReady(at: now) }

    /// Serves until it is told to end and has said goodbye; then the kernel holds nothing of ours.
    package mutating func run() throws(SystemError) {
        defer { plane.shutDown() }
        now = .current()
        service.start(at: now)
        tellCalendar()
        if isSampling { traffic.start(at: now) }
        applyWatchChanges()
        while !isOver { try turn() }
    }

    private var isOver: Bool {
        guard let ending else { return false }
        return (machine.isIdle && !hasMoreFeedback) || ending.deadline <= now
    }

    private mutating func turn() throws(SystemError) {
        let isBusy = hasMoreFeedback || !newcomers.isEmpty || listings.hasWork
        let count = try loop.wait(until: isBusy ? now : nextDeadline, now: .current())
        now = .current()
        for index in 0..<count {
            guard let ready = loop.ready(at: index) else { continue }
            serve(ready)
        }
        for datagram in newcomers.take() { handle(.datagram(datagram)) }
        if nextCalendar <= now { tellCalendar() }
        if let deadline = traffic.nextDeadline, deadline <= now, !traffic.isAnswering { readTraffic() }
        if let deadline = interpreter.impairments?.nextDeadline, deadline <= now { releaseDelayed() }
        if let deadline = machine.nextDeadline, deadline <= now {
            interpreter.perform(machine.advance(to: now), at: now)
        }
        continueListings()
        settle()
        interpreter.send()
        applyWatchChanges()
        if let deadline = interpreter.sink.nextDeadline, deadline <= now { interpreter.sink.advance(to: now) }
        if let deadline = service.nextDeadline, deadline <= now {
            service.advance(to: now) { [machine] in machine.glance.words }
        }
    }

    private var nextDeadline: MonotonicTime {
        var earliest = min(machine.nextDeadline ?? nextCalendar, nextCalendar)
        if let deadline = interpreter.sink.nextDeadline { earliest = min(earliest, deadline) }
        if !traffic.isAnswering, let deadline = traffic.nextDeadline { earliest = min(earliest, deadline) }
        if let deadline = interpreter.impairments?.nextDeadline { earliest = min(earliest, deadline) }
        if let ending { earliest = min(earliest, ending.deadline) }
        if let deadline = service.nextDeadline { earliest = min(earliest, deadline) }
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
        for _ in 0..<Self.readLimit where readBatch(of: index) {}
    }

    /// - Returns: Whether more may wait.
    private mutating func readBatch(of index: Int) -> Bool {
        let socket = interpreter.sockets[index]
        let port = interpreter.sockets.port(at: index)
        let count: Int
        do {
            count = try receiver.receive(from: socket)
        } catch {
            report(EventDescription(.kernel, .warning, "receive-failed", "\(socket.local) cannot be read: \(error)"))
            return false
        }
        now = .current()
        for place in 0..<count {
            guard let received = receiver.datagram(at: place) else {
                interpreter.sink.counters.packets.unusable += 1
                continue
            }
            interpreter.sink.counters.packets.received += 1
            take(
                .datagram(
                    IKE.Datagram(
                        bytes: received.bytes,
                        port: port,
                        local: SocketAddress(received.local, port: socket.local.port),
                        peer: received.peer
                    )
                )
            )
        }
        interpreter.sink.counters.packets.overflowed += UInt64(receiver.takeOverflow(of: socket))
        return count == DatagramReceiver.batchLimit
    }

    private mutating func take(_ notices: [DataPlaneNotice]) {
        for notice in notices {
            interpreter.noteAnswer(notice)
            switch notice {
            case .datagram, .frame:
                interpreter.sink.counters.packets.received += 1
            case .answered(let ticket, let outcome) where Listings.owns(ticket):
                listings.finish(ticket, outcome)
                continue
            case .answered(let ticket, let outcome) where traffic.owns(ticket):
                trafficRead(outcome)
                continue
            case .answered, .expired, .mappingChanged, .vanished, .noticesLost:
                break
            }
            take(.notice(notice))
        }
    }

    /// What came from outside, and what an impairment makes of it.
    private mutating func take(_ input: ControlPlane.Input) {
        guard interpreter.impairments != nil else {
            enter(input)
            return
        }
        for input in interpreter.impairments?.apply(to: input, at: now) ?? [] { enter(input) }
    }

    /// Newcomers wait until everybody else of this turn was heard.
    private mutating func enter(_ input: ControlPlane.Input) {
        if case .datagram(let datagram) = input, datagram.isFirstMessage {
            if !newcomers.add(datagram) { interpreter.sink.counters.packets.crowdedOut += 1 }
        } else {
            handle(input)
        }
    }

    mutating func handle(_ input: ControlPlane.Input) {
        if case .datagram(let datagram) = input, !datagram.isFirstMessage { return handleMeasured(datagram) }
        interpreter.perform(machine.handle(input, at: now), at: now)
    }

    /// One slice of a list: the next comes when everybody was heard again.
    private mutating func continueListings() {
        guard listings.hasWork, let (request, ticket) = listings.work(on: machine, at: now) else { return }
        interpreter.perform([.request(request, ticket)], at: now)
    }

    /// Says what day it is: at the start before anything else, and now and then, as clocks are set.
    private mutating func tellCalendar() {
        nextCalendar = now.advanced(by: Self.calendarInterval)
        handle(.calendar(.current()))
    }

    private mutating func releaseDelayed() {
        interpreter.performDelayed(at: now)
        for input in interpreter.impairments?.takeDueInputs(at: now) ?? [] { handle(input) }
    }

    /// Feeds the kernel's answers back until there are none.
    private mutating func settle() {
        for _ in 0..<Self.feedbackLimit {
            let notices = interpreter.takeAnswers()
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
}
