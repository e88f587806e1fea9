// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Glibc
import Primitives
import Runtime
import Synchronization
import Testing

/// Everything a stand-in of the service manager was told by now.
private func heard(_ manager: Int32, waitingFor count: Int = 0) -> [String] {
    var texts: [String] = []
    var buffer = [UInt8](repeating: 0, count: 1000)
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    while true {
        let length = recv(manager, &buffer, buffer.count, texts.count < count ? 0 : Int32(MSG_DONTWAIT))
        guard length > 0 else { return texts }
        texts.append(String(decoding: buffer.prefix(length), as: UTF8.self))
    }
}

struct ServiceNotificationTests {
    @Test(arguments: [
        (ServiceNotification.ready, "READY=1"),
        (.stopping(.seconds(10)), "STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000"),
        (.reloading(seconds(2.5)), "RELOADING=1\nMONOTONIC_USEC=2500000"),
        (.watchdog, "WATCHDOG=1"),
        (.status("3 calls\nREADY=1"), "STATUS=3 calls READY=1"),
        (.status(String(repeating: "x", count: 500)), "STATUS=" + String(repeating: "x", count: 240)),
        (.failed("no port", code: EADDRINUSE), "STATUS=no port\nERRNO=98"),
        (.failed("no port", code: nil), "STATUS=no port"),
    ])
    func tellsTheServiceManager(notification: ServiceNotification, text: String) {
        let folder = TemporaryFolder()
        let receiver = folder.datagramSocket("notify")
        defer { close(receiver) }
        #expect(notification.send(to: "\(folder.path)/notify"))
        #expect(heard(receiver, waitingFor: 1) == [text])
    }

    @Test func doesWithoutAServiceManager() {
        #expect(!ServiceNotification.ready.send(to: nil))
        #expect(!ServiceNotification.ready.send(to: ""))
        #expect(!ServiceNotification.ready.send(to: "/nowhere/at/all"))
    }
}

struct ServiceChannelTests {
    @Test(
        arguments: [("30000000", 15), ("2000000", 1), ("0", nil), ("", nil), ("-4", nil), ("x", nil)]
            as [(String, Int?)]
    )
    func beatsAtHalfOfWhatIsWaitedFor(text: String, seconds: Int?) {
        #expect(ServiceChannel.beat(text) == seconds.map { .seconds($0) })
    }

    @Test func aStatusIsToldWhenItChangedAndAtMostEveryTenSeconds() {
        let folder = TemporaryFolder()
        let manager = folder.datagramSocket("notify")
        defer { close(manager) }
        var channel = ServiceChannel(socket: "\(folder.path)/notify")
        #expect(channel.nextDeadline == nil)
        channel.start(at: seconds(1))
        #expect(channel.nextDeadline == seconds(1))
        channel.advance(to: seconds(1)) { "one" }
        #expect(channel.nextDeadline == seconds(11))
        channel.advance(to: seconds(10.9)) { "two" }
        #expect(heard(manager) == ["STATUS=one"])
        channel.advance(to: seconds(11)) { "two" }
        channel.advance(to: seconds(21)) { "two" }
        #expect(heard(manager) == ["STATUS=two"])
        channel.beginReload(at: seconds(22))
        channel.endReload(at: seconds(23))
        channel.stop(within: .seconds(5))
        channel.advance(to: seconds(40)) { "three" }
        #expect(
            heard(manager) == [
                "RELOADING=1\nMONOTONIC_USEC=22000000", "READY=1", "STOPPING=1\nEXTEND_TIMEOUT_USEC=5000000",
                "STATUS=saying goodbye to every peer",
            ]
        )
    }

    /// A beat that is lost is half of the patience; without READY=1 the start or the reload has failed.
    @Test func whatTheServiceManagerHadNoRoomForIsSentAgain() {
        let folder = TemporaryFolder()
        var channel = ServiceChannel(socket: "\(folder.path)/notify", beatInterval: .seconds(15))
        channel.becomeReady(at: seconds(1))
        channel.start(at: seconds(1))
        channel.advance(to: seconds(1)) { "one" }
        #expect(channel.nextDeadline == seconds(2))
        channel.advance(to: seconds(2)) { "one" }
        #expect(channel.nextDeadline == seconds(3))
        let manager = folder.datagramSocket("notify")
        defer { close(manager) }
        channel.advance(to: seconds(3)) { "one" }
        #expect(heard(manager) == ["WATCHDOG=1", "READY=1"])
        #expect(channel.nextDeadline == seconds(11))
        channel.advance(to: seconds(11)) { "one" }
        #expect(heard(manager) == ["STATUS=one"])
        #expect(channel.nextDeadline == seconds(18))
    }

    @Test func onlyTheLastOfReadyReloadingAndStoppingIsSentAgain() {
        let folder = TemporaryFolder()
        var channel = ServiceChannel(socket: "\(folder.path)/notify")
        channel.start(at: seconds(1))
        channel.endReload(at: seconds(1))
        channel.beginReload(at: seconds(1))
        let manager = folder.datagramSocket("notify")
        defer { close(manager) }
        channel.advance(to: seconds(5)) { "one" }
        #expect(heard(manager) == ["STATUS=one"])
        unlink("\(folder.path)/notify")
        channel.endReload(at: seconds(6))
        channel.stop(within: .seconds(5))
        let again = folder.datagramSocket("notify")
        defer { close(again) }
        channel.advance(to: seconds(9)) { "two" }
        #expect(heard(again) == [])
    }

    @Test func aBeatThatIsShorterThanTheRetryStaysThat() {
        let folder = TemporaryFolder()
        var channel = ServiceChannel(socket: "\(folder.path)/notify", beatInterval: .milliseconds(200))
        channel.start(at: seconds(1))
        channel.advance(to: seconds(1)) { "one" }
        #expect(channel.nextDeadline == seconds(1.2))
    }

    @Test func withoutAServiceManagerNothingIsDue() {
        var channel = ServiceChannel(socket: nil, beatInterval: .seconds(1))
        channel.becomeReady(at: seconds(1))
        channel.start(at: seconds(1))
        #expect(channel.nextDeadline == nil)
        channel.advance(to: seconds(100)) {
            Issue.record("nobody asked")
            return ""
        }
    }

    @Test func takesItsVariablesOutOfTheEnvironmentAndMindsWhoIsMeant() async throws {
        // The only test of this process that touches these variables.
        setenv("NOTIFY_SOCKET", "/run/x", 1)
        setenv("WATCHDOG_USEC", "4000000", 1)
        setenv("WATCHDOG_PID", "\(getpid())", 1)
        let channel = ServiceChannel.takeFromEnvironment()
        #expect(channel.socket == "/run/x")
        #expect(channel.beatInterval == .seconds(2))
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { #expect(getenv(name) == nil) }
        setenv("WATCHDOG_USEC", "4000000", 1)
        setenv("WATCHDOG_PID", "1", 1)
        #expect(ServiceChannel.takeFromEnvironment().beatInterval == nil)
        #expect(getenv("WATCHDOG_USEC") == nil)
    }

    @Test func aGlanceInWords() {
        let pools = ["office", "a", "b", "c", "d"].map {
            StatusSnapshot.Pool(name: $0, range: "", used: 12, size: 4094)
        }
        #expect(
            Glance(callsUp: 12, keying: 3, pools: [pools[0]]).words
                == "12 calls up, 3 keying; pool office 12 of 4094"
        )
        #expect(Glance(callsUp: 1, keying: 0, pools: []).words == "1 call up, 0 keying")
        #expect(Glance(callsUp: 0, keying: 0, pools: pools).words.hasSuffix("; pool b 12 of 4094; 2 more pools"))
    }

    /// A thread of its own would go on beating for a loop that hangs.
    @Test func theLoopItselfBeatsAndOneThatHangsIsSilent() async throws {
        let folder = TemporaryFolder()
        let manager = folder.datagramSocket("notify")
        defer { close(manager) }
        let (started, continuation) = AsyncStream<Mailbox<ShardMessage>>.makeStream()
        let gate = Pipe()
        let gateEnd = gate.reader
        // Blocking, as a loop that hangs is.
        _ = fcntl(gateEnd, F_SETFL, 0)
        let path = "\(folder.path)/notify"
        let end = Task {
            try await onThread {
                var listen = IKESockets.Listen(addresses: [localhost])
                listen.ikePort = 0
                listen.natTraversalPort = 0
                listen.takesESP = false
                var machine = ScriptedMachine()
                machine.onInput = { _, input in
                    if case .command(.terminate) = input {
                        var byte: UInt8 = 0
                        _ = read(gateEnd, &byte, 1)
                    }
                    return []
                }
                let plane = RecordingPlane()
                var shard = try Shard(
                    machine: machine,
                    interpreter: EffectInterpreter(
                        sockets: try IKESockets(listen),
                        plane: plane,
                        sink: EventSink(output: LogOutput(descriptor: -1))
                    ),
                    plane: plane,
                    signals: nil,
                    identity: .init(name: "gw1", version: "1.2.3"),
                    service: ServiceChannel(socket: path, beatInterval: .milliseconds(20))
                )
                continuation.yield(shard.mailbox)
                continuation.finish()
                try shard.run()
            }
        }
        var iterator = started.makeAsyncIterator()
        let mailbox = try #require(await iterator.next())
        let first = heard(manager, waitingFor: 6)
        #expect(first.filter { $0 == "WATCHDOG=1" }.count >= 4)
        #expect(first.contains("STATUS=0 calls up, 0 keying"))

        _ = mailbox.post(.request(.terminate(.all, by: nil)) { _ in })
        // What was sent before it hung.
        try await Task.sleep(for: .milliseconds(300))
        _ = heard(manager)
        try await Task.sleep(for: .milliseconds(300))
        #expect(heard(manager) == [])

        gate.write("x")
        #expect(heard(manager, waitingFor: 3).contains("WATCHDOG=1"))
        _ = mailbox.post(.shutDown)
        try await end.value
    }
}
