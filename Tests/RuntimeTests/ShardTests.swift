// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import DataPlane
import Glibc
import IKE
import Primitives
import Runtime
import Synchronization
import Testing

/// A shard on a thread of its own, with a scripted machine inside.
private final class RunningShard: Sendable {
    let mailbox: Mailbox<ShardMessage>
    let sockets: [SocketAddress]
    private let end: Task<[RecordingPlane.Entry], any Error>

    private struct Started: Sendable {
        var mailbox: Mailbox<ShardMessage>
        var sockets: [SocketAddress]
    }

    init(
        log: Int32 = -1,
        impairments: Impairments? = nil,
        reloader: Reloader? = nil,
        beforeRunning: @escaping @Sendable ([SocketAddress]) throws -> Void = { _ in },
        plane makePlane: @escaping @Sendable () -> RecordingPlane = { RecordingPlane() },
        machine makeMachine: @escaping @Sendable () -> ScriptedMachine
    ) async throws {
        let (started, continuation) = AsyncThrowingStream<Started, any Error>.makeStream()
        end = Task {
            try await onThread {
                do {
                    let plane = makePlane()
                    var listen = IKESockets.Listen(addresses: [localhost])
                    listen.ikePort = 0
                    listen.natTraversalPort = 0
                    listen.takesESP = false
                    let sockets = try IKESockets(listen)
                    let locals = sockets.locals
                    var shard = try Shard(
                        machine: makeMachine(),
                        interpreter: EffectInterpreter(
                            sockets: sockets,
                            plane: plane,
                            sink: EventSink(output: LogOutput(descriptor: log)),
                            impairments: impairments
                        ),
                        plane: plane,
                        signals: nil,
                        identity: .init(name: "gw1", version: "1.2.3"),
                        reloader: reloader
                    )
                    continuation.yield(Started(mailbox: shard.mailbox, sockets: locals))
                    continuation.finish()
                    try beforeRunning(locals)
                    try shard.run()
                    return plane.entries
                } catch {
                    continuation.finish(throwing: error)
                    throw error
                }
            }
        }
        var first: Started?
        for try await value in started { first = value }
        let running = try #require(first)
        mailbox = running.mailbox
        sockets = running.sockets
    }

    func ask(_ request: ControlRequest) async -> ControlReply {
        await withCheckedContinuation { continuation in
            #expect(mailbox.post(.request(request) { continuation.resume(returning: $0) }))
        }
    }

    /// Ends it; what the plane was asked while it ran.
    @discardableResult
    func shutDown() async throws -> [RecordingPlane.Entry] {
        _ = mailbox.post(.shutDown)
        return try await end.value
    }

    func wait() async throws -> [RecordingPlane.Entry] { try await end.value }
}

struct ShardTests {
    @Test func answersADatagramThroughTheMachine() async throws {
        let shard = try await RunningShard {
            ScriptedMachine(onInput: { _, input in
                guard case .datagram(let datagram) = input else { return [] }
                var reply = datagram
                reply.bytes = [datagram.port == .ike ? 1 : 2] + datagram.bytes
                return [.transmit(reply)]
            })
        }
        let peer = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let loop = try LoopBox<Int>()
        try loop.watch(peer.rawDescriptor, 0)
        let receiver = try ReceiverBox()
        for (index, prefix) in [(0, 1), (1, 2)] as [(Int, UInt8)] {
            _ = peer.enqueue([9], from: localhost, to: shard.sockets[index])
            #expect(peer.send().sent == 1)
            #expect(try loop.wait(until: MonotonicTime.current().advanced(by: .seconds(10))) == 1)
            #expect(try receiver.receive(from: peer) == 1)
            #expect(receiver.datagram(at: 0)?.bytes == [prefix, 9])
            #expect(receiver.datagram(at: 0)?.peer == shard.sockets[index])
        }
        guard case .status(let status) = await shard.ask(.status) else {
            Issue.record("no status")
            return
        }
        #expect(status.name == "gw1")
        #expect(status.version == "1.2.3")
        #expect(status.counters?["packets.received"] == 2)
        #expect(status.counters?["packets.sent"] == 2)
        #expect((status.uptimeSeconds ?? -1) >= 0)
        try await shard.shutDown()
    }

    // MARK: - Reload

    private static let usual = "{ name: alice, secret: s3cret }, { name: bob, secret: s3cret }"

    private static func configuration(
        listen: String = "192.0.2.1",
        range: String = "10.99.0.0/24",
        users: String = usual
    ) -> ConfigFile.Outcome {
        ConfigFile.parse(
            """
            gateway: { name: gw1, listen: [\(listen)] }
            ike: { profiles: [ { name: remote-access, secret: a long enough secret } ] }
            addresses: { pools: [ { name: office, range: \(range), gateway: 10.97.0.1 } ] }
            users: { file: users.yaml }
            """,
            file: "gw.yaml"
        ) { _ throws(FileProblem) in
            LoadedFile(bytes: Array("users: [ \(users) ]\n".utf8), mode: 0o600, ownerIsTrusted: true)
        }
    }

    /// - Parameter machine: What it was told to be, counted.
    private func shard(
        reading outcome: ConfigFile.Outcome,
        occupied: [IPAddress: String] = [:],
        told: Box<Mutex<Int>> = Box(Mutex(0))
    ) async throws -> RunningShard {
        let settings = try #require(Self.configuration().settings)
        return try await RunningShard(reloader: Reloader(settings) { outcome }) {
            var machine = ScriptedMachine(onInput: { _, input in
                if case .command(.reconfigure) = input { told.value.withLock { $0 += 1 } }
                return []
            })
            machine.occupied = occupied
            return machine
        }
    }

    private func reload(_ shard: RunningShard, dryRun: Bool = false) async throws -> ReloadReport {
        guard case .reload(let report) = await shard.ask(.reload(ReloadOrder(isDryRun: dryRun), by: nil)) else {
            Issue.record("no report")
            return ReloadReport(.refused)
        }
        return report
    }

    /// The kernel may have refused a part of it the last time.
    @Test func aReloadWithoutAChangeIsCarriedOutToo() async throws {
        let told = Box(Mutex(0))
        let shard = try await shard(reading: Self.configuration(), told: told)
        #expect(try await reload(shard, dryRun: true).outcome == .unchanged)
        #expect(told.value.withLock { $0 } == 0)
        #expect(try await reload(shard).outcome == .unchanged)
        #expect(told.value.withLock { $0 } == 1)
        try await shard.shutDown()
    }

    @Test func aReloadThatContradictsWhatOnlyARestartChangesIsRefused() async throws {
        let told = Box(Mutex(0))
        let outcome = Self.configuration(listen: "203.0.113.1", range: "192.0.2.0/28")
        let shard = try await shard(reading: outcome, told: told)
        for dryRun in [true, false] {
            let report = try await reload(shard, dryRun: dryRun)
            #expect(report.outcome == .refused)
            #expect(
                report.error?.message
                    == "the range 192.0.2.0/28 of the pool office contains 192.0.2.1, which the gateway listens on until "
                    + "it is restarted; nothing was changed"
            )
            #expect(report.error?.remedy?.contains("restart culvertd") == true)
        }
        #expect(told.value.withLock { $0 } == 0)
        try await shard.shutDown()
    }

    @Test func theReportSaysWhoHasTheAddressThatAUserGets() async throws {
        let users =
            "{ name: alice, secret: s3cret }, { name: bob, secret: s3cret, address: 10.99.0.7 }"
            + ", { name: carol, secret: s3cret, address: 10.99.0.8 }"
        let occupied = [try #require(IPAddress("10.99.0.7")): "alice", try #require(IPAddress("10.99.0.8")): "alice"]
        for isFree in [true, false] {
            let shard = try await shard(
                reading: Self.configuration(users: users),
                occupied: isFree ? [:] : occupied
            )
            let note = { (address: String) in
                isFree ? nil : "\(address) is in use by a call of alice: no other call gets it until that ends"
            }
            let change = ["address was from a pool, is 10.99.0.7", note("10.99.0.7")].compactMap(\.self)
            let report = try await reload(shard, dryRun: true)
            #expect(report.changes.map(\.key) == ["users.bob", "users.carol"])
            #expect(report.changes.map(\.what) == [change.joined(separator: "; "), note("10.99.0.8")])
            try await shard.shutDown()
        }
    }

    @Test func tellsWhatIsKeptAsItIs() async throws {
        let peer = SocketAddress(.v4(0xC000_0207), port: 500)
        let shard = try await RunningShard {
            var machine = ScriptedMachine()
            let event = IKE.Event(trace: TraceID(rawValue: 7), peer: peer, kind: .started(profile: "office"))
            machine.journal.record(.ike(event), at: MonotonicTime(nanoseconds: 1))
            return machine
        }
        guard case .traces(let traces, let now) = await shard.ask(.traces) else {
            Issue.record("no traces")
            return
        }
        #expect(traces.map(\.id) == [TraceID(rawValue: 7)])
        #expect(now > MonotonicTime(nanoseconds: 1))
        for selector in [TraceSelector.last, .peer(peer.address), .trace(TraceID(rawValue: 7))] {
            guard case .explanation(let explanation?) = await shard.ask(.explain(selector)) else {
                Issue.record("no explanation of \(selector)")
                continue
            }
            #expect(explanation.snapshot.trace == "0000000000000007")
        }
        #expect(await shard.ask(.explain(.trace(TraceID(rawValue: 8)))) == .explanation(nil))
        try await shard.shutDown()
    }

    /// The kernel's answer to one request begets the next, all in one turn.
    @Test func feedsAnswersBackUntilThereAreNoMore() async throws {
        let socket = RequestID(serial: 1, port: 20_000)
        let shard = try await RunningShard(
            plane: {
                let plane = RecordingPlane()
                plane.onFlush = { plane in
                    guard case .submit(_, let ticket)? = plane.entries.dropLast().last else { return [] }
                    return [.answered(ticket, .done)]
                }
                return plane
            },
            machine: {
                ScriptedMachine(onInput: { _, input in
                    switch input {
                    case .command(.terminate):
                        return [.request(.closeSocket(socket), DataPlaneTicket(rawValue: 1))]
                    case .notice(.answered(let ticket, .done)) where ticket.rawValue < 4:
                        return [.request(.closeSocket(socket), DataPlaneTicket(rawValue: ticket.rawValue + 1))]
                    case _: return []
                    }
                })
            }
        )
        _ = await shard.ask(.terminate(.all, by: nil))
        let entries = try await shard.shutDown()
        let tickets = entries.compactMap { entry -> UInt64? in
            guard case .submit(_, let ticket) = entry else { return nil }
            return ticket.rawValue
        }
        #expect(tickets == [1, 2, 3, 4])
        #expect(entries.last == .shutDown)
        let first = try #require(entries.firstIndex { if case .submit = $0 { true } else { false } })
        #expect(
            entries[first...].prefix(8).map { if case .flush = $0 { "flush" } else { "submit" } }
                == ["submit", "flush", "submit", "flush", "submit", "flush", "submit", "flush"]
        )
    }

    /// A kernel that never stops answering does not keep the loop from everything else.
    @Test func endlessFeedbackStarvesNobody() async throws {
        let shard = try await RunningShard(
            plane: {
                let plane = RecordingPlane()
                plane.onFlush = { plane in
                    plane.entries = []
                    return [.noticesLost]
                }
                return plane
            },
            machine: { ScriptedMachine() }
        )
        guard case .status = await shard.ask(.status) else {
            Issue.record("no status")
            return
        }
        // It is never idle, so the shut-down ends by its deadline, or by being asked twice.
        _ = shard.mailbox.post(.shutDown)
        try await shard.shutDown()
    }

    @Test func readsWhatTheDataPlaneHasItWatchAndCountsIt() async throws {
        let pipe = Pipe()
        let reader = pipe.reader
        let socket = RequestID(serial: 1, port: 20_000)
        let session = KernelSessionID(tunnel: 1, session: 2)
        let seen = Mutex<[ControlPlane.Input]>([])
        let box = Box(seen)
        let shard = try await RunningShard(
            plane: {
                let plane = RecordingPlane()
                plane.watchChanges = [.watch(descriptor: reader, .socket(socket))]
                plane.onRead = { source in
                    #expect(source == .socket(socket))
                    _ = readNow(reader)
                    return [
                        .datagram(socket, from: SocketAddress(localhost, port: 1701), [1]), .frame(session, [2]),
                        .answered(DataPlaneTicket(rawValue: 1), .done),
                    ]
                }
                return plane
            },
            machine: {
                ScriptedMachine(onInput: { _, input in
                    if !input.isCalendar { box.value.withLock { $0.append(input) } }
                    return []
                })
            }
        )
        pipe.write("x")
        var received: UInt64?
        for _ in 0..<1000 where received != 2 {
            guard case .status(let status) = await shard.ask(.status) else { break }
            received = status.counters?["packets.received"]
        }
        #expect(received == 2)
        try await shard.shutDown()
        #expect(
            box.value.withLock { Array($0.prefix(3)) } == [
                .notice(.datagram(socket, from: SocketAddress(localhost, port: 1701), [1])),
                .notice(.frame(session, [2])), .notice(.answered(DataPlaneTicket(rawValue: 1), .done)),
            ]
        )
    }

    @Test func givesUpADescriptorThatHungUpInsteadOfSpinning() async throws {
        let log = Pipe()
        let logWriter = log.writer
        let pipe = Pipe()
        let reader = pipe.reader
        pipe.closeWriter()
        let shard = try await RunningShard(
            log: logWriter,
            plane: {
                let plane = RecordingPlane()
                plane.watchChanges = [.watch(descriptor: reader, .completions)]
                return plane
            },
            machine: { ScriptedMachine() }
        )
        var counted: UInt64?
        for _ in 0..<1000 where counted == nil {
            guard case .status(let status) = await shard.ask(.status) else { break }
            counted = status.counters?["kernel.source-hung-up"]
        }
        #expect(counted == 1)
        let flushes = try await shard.shutDown().count { $0 == .flush }
        #expect(flushes < 1200)
        #expect(log.contents().contains("warning kernel source-hung-up"))
    }

    @Test func advancesTheMachineAtItsDeadline() async throws {
        let start = MonotonicTime.current()
        let shard = try await RunningShard {
            ScriptedMachine(
                deadline: MonotonicTime.current().advanced(by: .milliseconds(30)),
                onDeadline: { machine in
                    machine.deadline = nil
                    return [.write([1], to: KernelSessionID(tunnel: 1, session: 1))]
                }
            )
        }
        try await Task.sleep(for: .milliseconds(60))
        let entries = try await shard.shutDown()
        #expect(entries.contains(.write([1], KernelSessionID(tunnel: 1, session: 1))))
        #expect(start.duration(to: .current()) >= .milliseconds(30))
    }

    @Test func saysGoodbyeAndWaitsUntilTheMachineIsIdle() async throws {
        let shard = try await RunningShard {
            ScriptedMachine(
                idle: false,
                onInput: { machine, input in
                    guard input == .command(.shutDown) else { return [] }
                    // The peer's answer, 50 ms later.
                    machine.deadline = MonotonicTime.current().advanced(by: .milliseconds(50))
                    return [.write([1], to: KernelSessionID(tunnel: 1, session: 1))]
                },
                onDeadline: { machine in
                    machine.deadline = nil
                    machine.idle = true
                    return [.write([2], to: KernelSessionID(tunnel: 1, session: 1))]
                }
            )
        }
        let start = MonotonicTime.current()
        let entries = try await shard.shutDown()
        let took = start.duration(to: .current())
        #expect(took >= .milliseconds(40) && took < .seconds(4))
        let words = entries.filter { if case .flush = $0 { false } else { true } }
        #expect(
            words == [
                .write([1], KernelSessionID(tunnel: 1, session: 1)),
                .write([2], KernelSessionID(tunnel: 1, session: 1)), .shutDown,
            ]
        )
    }

    @Test func aSecondRequestToEndHurries() async throws {
        let shard = try await RunningShard { ScriptedMachine(idle: false) }
        let start = MonotonicTime.current()
        _ = shard.mailbox.post(.shutDown)
        let entries = try await shard.shutDown()
        #expect(start.duration(to: .current()) < .seconds(4))
        #expect(entries.last == .shutDown)
    }

    @Test func doesNotWaitForEverForSilentPeers() async throws {
        let shard = try await RunningShard { ScriptedMachine(idle: false) }
        let start = MonotonicTime.current()
        try await shard.shutDown()
        let took = start.duration(to: .current())
        #expect(took >= .seconds(5) && took < .seconds(9))
    }

    @Test func listsCallsWithTheirTraffic() async throws {
        let call = CallSnapshot.example(trace: "0123456789abcdef", user: "alice", interface: "ppp0", session: 3)
        let dark = CallSnapshot.example(trace: "00000000000000aa", session: 4)
        let counters = TrafficCounters(receivedPackets: 1, receivedBytes: 2, sentPackets: 3, sentBytes: 4)
        let shard = try await RunningShard(
            plane: {
                let plane = RecordingPlane()
                plane.traffic = [KernelSessionID(tunnel: 7, session: 3): counters]
                return plane
            },
            machine: { ScriptedMachine(snapshots: [call, dark]) }
        )
        var expected = call
        expected.traffic = CallSnapshot.TrafficPart(
            receivedPackets: 1,
            receivedBytes: 2,
            sentPackets: 3,
            sentBytes: 4
        )
        #expect(await shard.ask(.sessions(includesHalfOpen: false)) == .sessions([expected, dark]))
        #expect(await shard.ask(.session(TraceID(rawValue: 0x0123_4567_89AB_CDEF))) == .sessions([expected]))
        #expect(await shard.ask(.session(TraceID(rawValue: 1))) == .sessions([]))
        try await shard.shutDown()
    }

    /// A measurement passes all calls and keys: all who ask in one turn get the same one.
    @Test func whoeverAsksForMetricsInOneTurnGetsTheSame() async throws {
        let counted = Box(Mutex(0))
        let gate = Pipe()
        let gateEnd = gate.reader
        _ = fcntl(gateEnd, F_SETFL, 0)
        let shard = try await RunningShard(
            beforeRunning: { _ in
                var byte: UInt8 = 0
                _ = read(gateEnd, &byte, 1)
            },
            machine: { ScriptedMachine(onGauges: { counted.value.withLock { $0 += 1 } }) }
        )
        let replies = Box(Mutex<[ControlReply]>([]))
        for _ in 0..<100 {
            for request in [ControlRequest.metrics, .page] {
                #expect(
                    shard.mailbox.post(.request(request) { reply in replies.value.withLock { $0.append(reply) } })
                )
            }
        }
        gate.write("x")
        _ = await shard.ask(.status)
        #expect(replies.value.withLock { $0.count } == 200)
        #expect(Set(replies.value.withLock { $0 }).count == 2)
        #expect(counted.value.withLock { $0 } == 2)
        try await shard.shutDown()
    }

    @Test func showsTheRulesOfTheDataPlaneOrSaysThatThereAreNone() async throws {
        let shard = try await RunningShard(
            plane: {
                let plane = RecordingPlane()
                plane.ruleSet = .example
                return plane
            },
            machine: { ScriptedMachine() }
        )
        #expect(await shard.ask(.rules) == .rules(.example))
        try await shard.shutDown()
        let other = try await RunningShard { ScriptedMachine() }
        guard case .refused(let refusal) = await other.ask(.rules) else {
            Issue.record("rules of nobody")
            return
        }
        #expect(refusal.status == 404)
        try await other.shutDown()
    }

    /// Half-open peers are many during a flood, and nobody's calls.
    @Test func listsHalfOpenPeersOnlyWhenAsked() async throws {
        var stranger = CallSnapshot.example(trace: "00000000000000bb")
        stranger.state = "keying"
        let call = CallSnapshot.example(trace: "0123456789abcdef")
        let calls = [call, stranger]
        let shard = try await RunningShard { ScriptedMachine(snapshots: calls) }
        #expect(await shard.ask(.sessions(includesHalfOpen: false)) == .sessions([call]))
        #expect(await shard.ask(.sessions(includesHalfOpen: true)) == .sessions(calls))
        try await shard.shutDown()
    }

    @Test func asksTheKernelOnceForTheCountersOfAllCalls() async throws {
        let counters = TrafficCounters(receivedPackets: 1, receivedBytes: 2, sentPackets: 3, sentBytes: 4)
        let shard = try await RunningShard(
            plane: {
                let plane = RecordingPlane()
                for session in 1...200 {
                    plane.traffic[KernelSessionID(tunnel: 7, session: UInt32(session))] = counters
                }
                return plane
            },
            machine: {
                ScriptedMachine(
                    snapshots: (1...200).map {
                        .example(trace: "0123456789abcdef", interface: "ppp\($0)", session: UInt16($0))
                    },
                    onInput: { _, input in
                        if case .notice(.answered) = input { Issue.record("the control plane did not ask") }
                        return []
                    }
                )
            }
        )
        guard case .sessions(let calls) = await shard.ask(.sessions(includesHalfOpen: false)) else {
            Issue.record("no list")
            return
        }
        #expect(calls.count == 200 && calls.allSatisfy { $0.traffic?.sentBytes == 4 })
        let requests = try await shard.shutDown().count {
            if case .submit(.readCounters, _) = $0 { true } else { false }
        }
        #expect(requests == 1)
    }

    /// Two thousand first messages wait at port 500 when a tunnel socket and an established peer speak.
    @Test func aFloodOfFirstMessagesDelaysNobodyElse() async throws {
        let pipe = Pipe()
        let reader = pipe.reader
        pipe.write("x")
        let tunnel = RequestID(serial: 1, port: 20_000)
        let order = Box(Mutex<[String]>([]))
        let first = [UInt8](repeating: 1, count: 8) + [UInt8](repeating: 0, count: 20)
        let established = [UInt8](repeating: 1, count: 28)
        let shard = try await RunningShard(
            beforeRunning: { sockets in
                let peer = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
                for number in 0..<2000 {
                    // The established peer comes when two hundred strangers are before it.
                    _ = peer.enqueue(number == 200 ? established : first, from: localhost, to: sockets[0])
                }
                _ = peer.send()
            },
            plane: {
                let plane = RecordingPlane()
                plane.watchChanges = [.watch(descriptor: reader, .socket(tunnel))]
                plane.onRead = { _ in
                    _ = readNow(reader)
                    return [.datagram(tunnel, from: SocketAddress(localhost, port: 1701), [1])]
                }
                return plane
            },
            machine: {
                ScriptedMachine(onInput: { _, input in
                    let word: String? =
                        switch input {
                        case .datagram(let datagram): datagram.isFirstMessage ? "first" : "established"
                        case .notice(.datagram): "tunnel"
                        case .notice, .command, .calendar: nil
                        }
                    if let word { order.value.withLock { $0.append(word) } }
                    return []
                })
            }
        )
        var crowdedOut: UInt64 = 0
        for _ in 0..<2000 where order.value.withLock({ UInt64($0.count) }) + crowdedOut < 2001 {
            guard case .status(let status) = await shard.ask(.status) else { break }
            crowdedOut = status.counters?["packets.crowded-out"] ?? 0
        }
        try await shard.shutDown()
        let seen = order.value.withLock { $0 }
        #expect(seen.count { $0 == "first" } + Int(crowdedOut) == 1999)
        // Both were heard in the first turn, before any of those who were there before them.
        #expect(Set(seen.prefix(2)) == ["established", "tunnel"])
    }

    @Test func takesNoImpairmentsUnlessItWasStartedForThem() async throws {
        let shard = try await RunningShard { ScriptedMachine() }
        guard case .refused(let refusal) = await shard.ask(.impair(.list, by: nil)) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.status == 403)
        #expect(refusal.remedy?.contains("--allow-impair") == true)
        try await shard.shutDown()
    }

    @Test func impairsWhatComesWhatGoesAndWhatTheKernelSays() async throws {
        let socket = RequestID(serial: 1, port: 20_000)
        let session = KernelSessionID(tunnel: 1, session: 2)
        let log = Pipe()
        let logWriter = log.writer
        let seen = Box(Mutex<[ControlPlane.Input]>([]))
        let shard = try await RunningShard(log: logWriter, impairments: Impairments()) {
            ScriptedMachine(onInput: { _, input in
                if !input.isCalendar { seen.value.withLock { $0.append(input) } }
                guard case .datagram = input else { return [] }
                return [
                    .request(.closeSocket(socket), DataPlaneTicket(rawValue: 7)),
                    .request(.closeSocket(socket), DataPlaneTicket(rawValue: 8)),
                    .write([0xC0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0], to: session),
                ]
            })
        }
        let orders = [
            Impairment(.message(.mainMode, .incoming, .drop)),
            Impairment(.message(.echoRequest, .outgoing, .delay(.milliseconds(20))), .every),
            Impairment(.request(.closeSocket, errno: ENOMEM), .nth(2)),
        ]
        for order in orders { _ = await shard.ask(.impair(.add(order), by: nil)) }
        _ = await shard.ask(.impair(.loseNotices, by: nil))
        _ = await shard.ask(.impair(.stopTimers([.l2tp]), by: Requester(user: 1, process: 2)))

        let message =
            [UInt8](repeating: 1, count: 16) + [1, 0x10, 2, 0] + [0, 0, 0, 0, 0, 0, 0, 28]
        let peer = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        for _ in 0..<2 { _ = peer.enqueue(message, from: localhost, to: shard.sockets[0]) }
        #expect(peer.send().sent == 2)
        try await Task.sleep(for: .milliseconds(100))
        let reply = await shard.ask(.impair(.list, by: nil))
        guard case .impairments(let entries) = reply else {
            Issue.record("no list: \(reply)")
            return
        }
        #expect(entries.map(\.impairment) == orders)
        #expect(entries.map(\.matched) == [2, 1, 2])
        #expect(entries.map(\.struck) == [1, 1, 1])

        let asked = try await shard.shutDown()
        #expect(asked.contains(.submit(.closeSocket(socket), DataPlaneTicket(rawValue: 7))))
        #expect(!asked.contains(.submit(.closeSocket(socket), DataPlaneTicket(rawValue: 8))))
        #expect(asked.contains(.write([0xC0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0], session)))
        let inputs = seen.value.withLock { $0 }
        #expect(inputs.prefix(2) == [.notice(.noticesLost), .command(.stopTimers([.l2tp]))])
        let failure = DataPlaneError(step: "impaired close-socket", code: ENOMEM)
        #expect(inputs.contains(.notice(.answered(DataPlaneTicket(rawValue: 8), .failed(failure)))))
        let lines = log.contents()
        #expect(lines.contains("warning control impaired: impaired: drop main-mode in, number 1"))
        #expect(lines.contains("warning control impaired uid=1 pid=2: impaired: the timers of l2tp stand still"))
    }

    @Test func saysFirstOfAllWhatDayItIs() async throws {
        let seen = Box(Mutex<[ControlPlane.Input]>([]))
        let before = WallClockTime.current().milliseconds
        let shard = try await RunningShard {
            ScriptedMachine(onInput: { _, input in
                seen.value.withLock { $0.append(input) }
                return []
            })
        }
        try await shard.shutDown()
        let after = WallClockTime.current().milliseconds
        let inputs = seen.value.withLock { $0 }
        guard case .calendar(let wall)? = inputs.first else {
            Issue.record("something else came first: \(inputs)")
            return
        }
        #expect(before <= wall.milliseconds && wall.milliseconds <= after)
        #expect(inputs.dropFirst() == [.command(.shutDown)])
    }

    @Test func terminatesWhoIsMeantAndSaysWhoAsked() async throws {
        let log = Pipe()
        let logWriter = log.writer
        let seen = Box(Mutex<[ControlPlane.Input]>([]))
        let shard = try await RunningShard(log: logWriter) {
            ScriptedMachine(
                snapshots: [
                    .example(trace: "0123456789abcdef", user: "alice", interface: "ppp0"),
                    .example(trace: "0123456789abcde0", user: "alice", interface: "ppp1"),
                    .example(trace: "0123456789abcde1", user: "bob", interface: "ppp2"),
                ],
                onInput: { _, input in
                    if !input.isCalendar { seen.value.withLock { $0.append(input) } }
                    return []
                }
            )
        }
        let requester = Requester(user: 1000, process: 4242)
        #expect(await shard.ask(.terminate(.user("alice"), by: requester)) == .terminated(2))
        #expect(await shard.ask(.terminate(.user("mallory"), by: requester)) == .terminated(0))
        #expect(
            seen.value.withLock { $0 } == [
                .command(.terminate(.user("alice"))), .command(.terminate(.user("mallory"))),
            ]
        )
        #expect(log.contents().contains("notice control terminate calls=2 uid=1000 pid=4242: 2 calls are told to end"))
        try await shard.shutDown()
    }
}

extension ControlPlane.Input {
    fileprivate var isCalendar: Bool { if case .calendar = self { true } else { false } }
}

/// Lets closures share something that cannot be copied.
final class Box<Value: ~Copyable & Sendable>: Sendable {
    let value: Value

    init(_ value: consuming sending Value) { self.value = value }
}
