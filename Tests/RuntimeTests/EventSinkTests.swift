// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Glibc
import IKE
import Primitives
import Runtime
import Testing

struct EventSinkTests {
    private func sink(_ pipe: Pipe, level: EventDescription.Severity = .info) -> EventSink {
        EventSink(
            level: level,
            output: LogOutput(descriptor: pipe.writer),
            wallClock: { WallClockTime(milliseconds: 0) }
        )
    }

    private let noise = EventDescription(.ike, .warning, "malformed", "x")
    private let peer = SocketAddress(localhost, port: 500)

    @Test func writesLinesAndCountsEvents() {
        let pipe = Pipe()
        var sink = sink(pipe)
        sink.report(noise, peer: peer, at: seconds(1))
        sink.report(EventDescription(.ppp, .debug, "echo", "x"), at: seconds(1))
        #expect(pipe.contents() == "1970-01-01T00:00:00.000Z warning ike malformed peer=127.0.0.1:500: x\n")
        #expect(sink.counters.byName["ike.malformed"] == 1)
        // What is too unimportant to be written is counted all the same.
        #expect(sink.counters.byName["ppp.echo"] == 1)
    }

    @Test func writesWhatTheLevelAsksFor() {
        let pipe = Pipe()
        var sink = sink(pipe, level: .debug)
        sink.report(EventDescription(.ppp, .debug, "echo", "x"), at: seconds(1))
        #expect(pipe.contents() == "1970-01-01T00:00:00.000Z debug ppp echo: x\n")
    }

    @Test(arguments: [IKE.Event.Phase.one, .two])
    func anOfferIsNamedOnlyWhereSomebodyReadsIt(phase: IKE.Event.Phase) throws {
        let kind = IKE.Event.Kind.proposalChosen(phase, offered: IKEv1.SAPayload(proposals: []), chosen: "c")
        let event = ControlPlane.Event.ike(IKE.Event(trace: nil, peer: peer, kind: kind))
        let pipe = Pipe()
        var (quiet, talkative) = (sink(pipe), sink(pipe, level: .debug))
        quiet.report(event, at: seconds(1))
        #expect(pipe.contents() == "")
        talkative.report(event, at: seconds(1))
        #expect(pipe.contents().contains("c was chosen"))
        #expect(quiet.counters.byName["ike.\(event.description.name)"] == 1)
        #expect(talkative.counters.byName["ike.\(event.description.name)"] == 1)
    }

    @Test func summarisesWhatItHeldBack() {
        let pipe = Pipe()
        var sink = sink(pipe)
        for _ in 0..<12 { sink.report(noise, peer: peer, at: seconds(1)) }
        #expect(pipe.contents().split(separator: "\n").count == 5)
        #expect(sink.nextDeadline == seconds(61))
        sink.advance(to: seconds(61))
        #expect(
            pipe.contents() == """
                1970-01-01T00:00:00.000Z notice control lines-suppressed event=ike.malformed count=7: \
                7 more ike malformed in 60 s were counted but not written

                """
        )
        #expect(sink.counters.byName["ike.malformed"] == 12)
    }

    /// Errors of the daemon's own pass the limiter; this bounds them too.
    @Test func aMinuteOfTheLogHasAnEnd() {
        let pipe = Pipe()
        var sink = EventSink(
            output: LogOutput(descriptor: pipe.writer),
            bytesPerMinute: 10_000,
            wallClock: { WallClockTime(milliseconds: 0) }
        )
        let error = EventDescription(.kernel, .error, "refused", String(repeating: "x", count: 400))
        for number in 0..<1000 { sink.report(error, at: seconds(1 + Double(number) / 100)) }
        let written = pipe.contents()
        #expect((9_000...10_000).contains(written.utf8.count))
        let held = 1000 - written.split(separator: "\n").count
        #expect(sink.nextDeadline == seconds(61))
        sink.advance(to: seconds(61))
        #expect(
            pipe.contents() == """
                1970-01-01T00:00:00.000Z warning control log-full count=\(held): \
                \(held) more lines in 60 s were counted but not written: the log takes 10000 bytes a minute

                """
        )
        #expect(sink.nextDeadline == nil)
        sink.report(error, at: seconds(62))
        #expect(pipe.contents().hasSuffix("xxx\n"))
        #expect(sink.counters.byName["kernel.refused"] == 1001)
    }

    @Test("Z33: a reader of the log that does not read costs lines and never time")
    func aReaderThatDoesNotReadCostsLinesAndNeverTime() {
        let pipe = Pipe()
        // Blocking, as standard error is: a write into the full pipe would never return.
        _ = fcntl(pipe.writer, F_SETFL, 0)
        var sink = sink(pipe)
        let error = EventDescription(.kernel, .error, "refused", String(repeating: "x", count: 500))
        for _ in 0..<1000 { sink.report(error, at: seconds(1)) }
        let lost = sink.counters.lostLogLines
        #expect(lost > 0 && lost < 1000)
        #expect(sink.counters.byName["kernel.refused"] == 1000)

        var lines = pipe.contents().split(separator: "\n")
        #expect(UInt64(lines.count { $0.contains("kernel refused") }) + lost == 1000)
        sink.report(error, at: seconds(1))
        lines += pipe.contents().split(separator: "\n")
        #expect(lines.last?.contains("kernel refused") == true)
        // Every lost line is told of once; the short line that tells may find the last bytes of room before.
        let told = lines.compactMap { $0.firstMatch(of: /log-lines-lost count=([0-9]+):/).flatMap { UInt64($0.1) } }
        #expect(told.reduce(0, +) == lost)
    }

    @Test func aStreamSocketGetsWholeLinesOnly() {
        var ends: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        var sink = EventSink(output: LogOutput(descriptor: ends[1]), wallClock: { WallClockTime(milliseconds: 0) })
        let error = EventDescription(.kernel, .error, "refused", String(repeating: "x", count: 500))
        for _ in 0..<5000 { sink.report(error, at: seconds(1)) }
        #expect(sink.counters.lostLogLines > 0)
        _ = readNow(ends[0])
        sink.report(error, at: seconds(1))
        for line in readNow(ends[0]).split(separator: "\n") {
            #expect(line.hasPrefix("1970-") || line.hasSuffix("xxx"))
        }
    }

    @Test func aClosedDescriptorIsSurvived() {
        var sink = EventSink(output: LogOutput(descriptor: 999))
        sink.report(noise, at: seconds(1))
        #expect(sink.counters.lostLogLines == 1)
    }
}
