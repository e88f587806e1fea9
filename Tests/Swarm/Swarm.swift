// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import IKE
import Kernel
import Primitives
import Runtime
import Simulation

/// Many clients in one process. IKE, L2TP control and PPP are spoken here, user packets too (in L2TP data messages);
/// ESP is the kernel's, through the same data plane as the gateway's, whose private ports and socket policies serve a
/// client as well.
final class Swarm {
    private enum Source: Hashable, Sendable {
        case ike(IKE.Datagram.Port)
        case plane(ReadableSource)
        case signals
    }

    private struct Tally {
        var connected = 0
        var lost = 0
        var failed = 0
        var pings = 0
        var answers = 0
    }

    /// How often deadlines are looked at.
    private static let tick = Duration.milliseconds(200)

    private let options: Options
    private let signals: Signals
    private var loop: EventLoop<Source>
    private var receiver: DatagramReceiver
    private let sockets: [IKE.Datagram.Port: UDPSocket]
    private let plane: KernelDataPlane
    private var ports = PrivatePorts()
    private let entropy = SystemEntropy()
    private var callers: [Caller]
    private var bySource: [IPAddress: Int] = [:]
    private var byRequest: [RequestID: Int] = [:]
    private var tickets: UInt64 = 0
    private var tally = Tally()
    private let started = MonotonicTime.current()
    private var now = MonotonicTime.current()
    private var dialling = 0
    private var nextDial = MonotonicTime.current()
    private var nextLine = MonotonicTime.current()
    private var lastLine = ""
    private var ending: MonotonicTime?

    init(_ options: Options, signals: Signals) throws {
        self.options = options
        self.signals = signals
        loop = try EventLoop<Source>()
        receiver = try DatagramReceiver()
        sockets = [
            .ike: try UDPSocket(bindingTo: SocketAddress(.v4(0), port: 500)),
            .natTraversal: try UDPSocket(bindingTo: SocketAddress(.v4(0), port: 4500), isEncapsulating: true),
        ]
        plane = try KernelDataPlane()
        callers = (0..<options.clients).map {
            Caller(number: $0, source: options.source(of: $0), starts: .current())
        }
        for (index, caller) in callers.enumerated() { bySource[caller.source] = index }
        for (port, socket) in sockets { try loop.watch(socket.rawDescriptor, .ike(port)) }
        try loop.watch(signals.descriptor, .signals)
    }

    func run() throws {
        var nextTick = now
        while !isOver {
            try watchWhatChanged()
            let count = try loop.wait(until: nextTick, now: .current())
            now = .current()
            for index in 0..<count {
                guard let ready = loop.ready(at: index) else { continue }
                try serve(ready.source)
            }
            take(plane.flush())
            guard now >= nextTick else { continue }
            nextTick = now.advanced(by: Self.tick)
            dialling = callers.count { if case .dialling = $0.state { true } else { false } }
            for index in callers.indices { advance(index) }
            if let hold = options.hold, started.advanced(by: .seconds(hold)) <= now { end() }
            if nextLine <= now { say() }
        }
        say(force: true)
        plane.shutDown()
        tell("swarm over")
    }

    private var isOver: Bool {
        guard let ending else { return false }
        return ending <= now || callers.allSatisfy { $0.state == .done }
    }

    private func watchWhatChanged() throws {
        for change in plane.takeWatchChanges() {
            switch change {
            case .watch(let descriptor, let source): try loop.watch(descriptor, .plane(source))
            case .unwatch(let descriptor): loop.unwatch(descriptor)
            }
        }
    }

    private func serve(_ source: Source) throws {
        switch source {
        case .ike(let port):
            guard let socket = sockets[port] else { return }
            for place in 0..<(try receiver.receive(from: socket)) {
                guard let received = receiver.datagram(at: place), let index = bySource[received.local] else {
                    continue
                }
                callers[index].lastHeard = now
                perform(callers[index].client?.receive(received.bytes, on: port, at: now), of: index)
            }
        case .plane(let source):
            take(plane.read(source))
        case .signals:
            while signals.next() != nil { end() }
        }
    }

    private func take(_ notices: [DataPlaneNotice]) {
        for notice in notices {
            switch notice {
            case .datagram(let requestID, _, let bytes):
                guard let index = byRequest[requestID] else { continue }
                callers[index].lastHeard = now
                perform(callers[index].client?.receiveProtected(bytes, at: now), of: index)
                tally.answers += callers[index].takeAnswers()
            case .answered(_, .failed(let error)):
                tell("kernel \(error)")
            case .answered, .frame, .expired, .mappingChanged, .vanished, .noticesLost:
                continue
            }
        }
    }

    // MARK: One client

    private func advance(_ index: Int) {
        switch callers[index].state {
        case .waiting(let start):
            guard start <= now, nextDial <= now, dialling < options.atOnce, ending == nil else { return }
            dialling += 1
            // What was missed is caught up on, but for a second at most.
            nextDial = max(nextDial, now.advanced(by: .seconds(-1))).advanced(by: .seconds(1 / options.rate))
            callers[index].redial(options, seed: entropy.integer())
            callers[index].state = .dialling(since: now)
            perform(callers[index].client?.start(at: now), of: index)
        case .dialling(let since):
            perform(callers[index].client?.advance(to: now), of: index)
            guard case .dialling = callers[index].state else { return }
            if since.advanced(by: .seconds(options.patience)) <= now { abandon(index, "dialling takes too long") }
        case .up(let end):
            perform(callers[index].client?.advance(to: now), of: index)
            guard case .up = callers[index].state else { return }
            if let end, end <= now { return leave(index) }
            if callers[index].lastHeard.advanced(by: .seconds(options.silence)) <= now {
                return abandon(index, "the gateway is silent")
            }
            ping(index)
        case .closing(let limit):
            perform(callers[index].client?.advance(to: now), of: index)
            guard callers[index].client?.lac.isSettled != false || limit <= now else { return }
            transmit(callers[index].client?.closeKeys(at: now), of: index)
            forget(index)
        case .done:
            return
        }
    }

    private func ping(_ index: Int) {
        guard let target = options.ping, callers[index].nextPing <= now, let client = callers[index].client,
            let address = client.ppp.address
        else { return }
        callers[index].nextPing = now.advanced(by: .seconds(options.pingInterval))
        callers[index].pings &+= 1
        tally.pings += 1
        let frame = Echo.request(from: address, to: target, sequence: callers[index].pings)
        guard let child = client.ike.children.last else { return }
        let datagrams = client.lac.send(frame: frame)
        transmit(datagrams.map { .protected($0, spi: child.outboundSPI.rawValue) }, of: index)
    }

    /// Performs what a client wants, and looks at what became of it.
    private func perform(_ packets: [SimulatedClient.Packet]?, of index: Int) {
        keepAssociations(index)
        transmit(packets, of: index)
        switch callers[index].state {
        case .dialling:
            if let failure = callers[index].failure {
                abandon(index, failure)
            } else if callers[index].client?.isUp == true {
                tally.connected += 1
                // Anywhere between half of the mean and half more.
                let share = 0.5 + Double(entropy.integer(in: 0...1000)) / 1000
                callers[index].state = .up(end: options.churn.map { now.advanced(by: .seconds($0 * share)) })
                callers[index].nextPing = now
            }
        case .up:
            if let failure = callers[index].failure { abandon(index, failure) }
        case .waiting, .closing, .done:
            return
        }
    }

    private func transmit(_ packets: [SimulatedClient.Packet]?, of index: Int) {
        for packet in packets ?? [] {
            switch packet {
            case .ike(let outgoing):
                guard let socket = sockets[outgoing.port] else { continue }
                let peer = SocketAddress(options.gateway, port: outgoing.port == .ike ? 500 : 4500)
                _ = socket.enqueue(outgoing.bytes, from: callers[index].source, to: peer)
                _ = socket.send()
            case .protected(let datagram, spi: _):
                guard let requestID = callers[index].requestID else { continue }
                plane.send(datagram, on: requestID, to: SocketAddress(options.gateway, port: 1701))
            }
        }
    }

    /// The kernel gets what quick mode agreed on since the last time, and loses what the gateway deleted.
    private func keepAssociations(_ index: Int) {
        let children = callers[index].client?.ike.children ?? []
        guard !children.isEmpty || !callers[index].associations.isEmpty else { return }
        let (source, gateway) = (callers[index].source, options.gateway)
        let requestID = callers[index].requestID ?? openSocket(index)
        let wanted = children.flatMap { $0.associations(own: source, gateway: gateway, requestID) }
        for association in wanted where callers[index].associations.insert(association.id).inserted {
            submit(.install(association))
        }
        for id in callers[index].associations.subtracting(wanted.map(\.id)) {
            callers[index].associations.remove(id)
            submit(.remove(id))
        }
        take(plane.flush())
    }

    private func openSocket(_ index: Int) -> RequestID {
        let requestID = ports.take(entropy)
        callers[index].requestID = requestID
        byRequest[requestID] = index
        submit(.openSocket(TunnelSocket(requestID: requestID, localAddress: callers[index].source)))
        submit(.connectSocket(requestID, to: SocketAddress(options.gateway, port: 1701)))
        return requestID
    }

    private func submit(_ request: DataPlaneRequest) {
        tickets += 1
        plane.submit(request, ticket: DataPlaneTicket(rawValue: tickets))
    }

    // MARK: The end of a call

    /// Something went wrong: the call is lost, or never came up.
    private func abandon(_ index: Int, _ reason: String) {
        if case .up = callers[index].state { tally.lost += 1 } else { tally.failed += 1 }
        tell("down client=\(callers[index].number) \(reason)")
        transmit(callers[index].client?.closeKeys(at: now), of: index)
        forget(index)
    }

    /// The client has had enough: says goodbye, or does not.
    private func leave(_ index: Int) {
        if entropy.integer(in: 0...99) < options.vanish {
            forget(index)
        } else {
            hangUp(index)
        }
    }

    private func hangUp(_ index: Int) {
        transmit(callers[index].client?.hangUp(at: now), of: index)
        callers[index].state = .closing(until: now.advanced(by: .seconds(5)))
    }

    /// Everything of the call goes; another follows if it shall.
    private func forget(_ index: Int) {
        for id in callers[index].associations { submit(.remove(id)) }
        callers[index].associations = []
        if let requestID = callers[index].requestID {
            submit(.closeSocket(requestID))
            byRequest[requestID] = nil
            ports.release(requestID)
        }
        callers[index].requestID = nil
        callers[index].client = nil
        let comesAgain = ending == nil && (options.redials || options.churn != nil)
        let pause = Duration.milliseconds(500 + Int(entropy.integer(in: 0...1500)))
        callers[index].state = comesAgain ? .waiting(until: now.advanced(by: pause)) : .done
    }

    private func end() {
        guard ending == nil else { return }
        ending = now.advanced(by: .seconds(30))
        for index in callers.indices {
            switch callers[index].state {
            case .up: hangUp(index)
            case .dialling:
                transmit(callers[index].client?.closeKeys(at: now), of: index)
                forget(index)
            case .waiting: callers[index].state = .done
            case .closing, .done: continue
            }
        }
    }

    // MARK: Telling

    private func say(force: Bool = false) {
        nextLine = now.advanced(by: .seconds(1))
        var counts = (waiting: 0, dialling: 0, up: 0, closing: 0)
        var addresses: Set<IPAddress> = []
        for caller in callers {
            switch caller.state {
            case .waiting: counts.waiting += 1
            case .dialling: counts.dialling += 1
            case .up:
                counts.up += 1
                if let address = caller.client?.ppp.address { addresses.insert(address) }
            case .closing: counts.closing += 1
            case .done: continue
            }
        }
        let line =
            "up=\(counts.up) addresses=\(addresses.count) dialling=\(counts.dialling) waiting=\(counts.waiting)"
            + " closing=\(counts.closing) connected=\(tally.connected) lost=\(tally.lost) failed=\(tally.failed)"
            + " pings=\(tally.pings) answers=\(tally.answers)"
        guard force || line != lastLine else { return }
        lastLine = line
        let seconds = started.duration(to: now).wholeNanoseconds / 1_000_000_000
        tell("swarm seconds=\(seconds) \(line)")
    }
}
