// SPDX-License-Identifier: Apache-2.0
import Cryptography
import L2TP
import Primitives
import Testing

struct ReliableDeliveryTests {
    private func channel(
        peerWindow: UInt16 = 16,
        window: UInt16 = 4,
        firstNs: UInt16 = 0,
        limit: Int = 5
    ) -> ReliableDelivery {
        ReliableDelivery(
            peerTunnel: tunnel(1),
            peerWindow: peerWindow,
            window: window,
            schedule: RetransmissionSchedule(limit: limit),
            firstNs: SequenceNumber(firstNs)
        )
    }

    private func header(_ datagram: [UInt8]) -> (ns: UInt16, nr: UInt16, isZLB: Bool)? {
        var reader = ByteReader(datagram)
        guard case .control(let header, let body)? = try? Datagram(from: &reader) else { return nil }
        return (header.ns.rawValue, header.nr.rawValue, body.isAtEnd)
    }

    /// Ns of the messages among them; -1 for a ZLB.
    private func numbers(_ datagrams: [[UInt8]]) -> [Int] {
        datagrams.compactMap { header($0).map { $0.isZLB ? -1 : Int($0.ns) } }
    }

    private func reception(
        _ channel: inout ReliableDelivery,
        ns: UInt16,
        nr: UInt16,
        body: [UInt8],
        at now: Double = 0
    ) -> String {
        let header = ControlHeader(tunnel: tunnel(1), session: nil, ns: SequenceNumber(ns), nr: SequenceNumber(nr))
        switch channel.receive(header, ByteReader(body), at: seconds(now)) {
        case .delivered(let messages):
            return messages.map { message in
                var body = message.body
                return String(decoding: body.rest(), as: UTF8.self)
            }.joined()
        case .acknowledgement: return "ack"
        case .duplicate: return "duplicate"
        case .early: return "early"
        case .outsideWindow: return "outside"
        }
    }

    private func zlb(_ channel: inout ReliableDelivery, nr: UInt16, at now: Double = 0) {
        #expect(reception(&channel, ns: 0, nr: nr, body: [], at: now) == "ack")
    }

    @Test("L13: messages that came early are delivered in order")
    func deliversOutOfOrderMessagesInOrder() {
        var channel = channel()
        #expect(reception(&channel, ns: 2, nr: 0, body: Array("c".utf8)) == "early")
        #expect(reception(&channel, ns: 1, nr: 0, body: Array("b".utf8)) == "early")
        #expect(reception(&channel, ns: 1, nr: 0, body: Array("x".utf8)) == "early")
        #expect(channel.flush(at: seconds(0)).isEmpty)
        #expect(reception(&channel, ns: 0, nr: 0, body: Array("a".utf8)) == "abc")
        #expect(channel.flush(at: seconds(0)).compactMap(header).map(\.nr) == [3])
    }

    @Test("L13: early messages are kept within the window and up to 2 KB, and not acknowledged")
    func keepsNoMoreThanItsWindow() {
        var channel = channel(window: 4)
        #expect(reception(&channel, ns: 3, nr: 0, body: [1]) == "early")
        #expect(reception(&channel, ns: 4, nr: 0, body: [1]) == "outside")
        #expect(reception(&channel, ns: 0x7FFF, nr: 0, body: [1]) == "outside")
        #expect(reception(&channel, ns: 1, nr: 0, body: [UInt8](repeating: 1, count: 2049)) == "outside")
        #expect(channel.flush(at: seconds(0)).isEmpty)
    }

    /// RFC 2661 §5.8: "if the last received sequence number was 15, then messages with sequence numbers 0 through 15,
    /// as well as 32784 through 65535, would be considered less than or equal".
    @Test(
        "L13: an old message is acknowledged again",
        arguments: [0, 15, 32_784, 40_000, 65_535] as [UInt16]
    )
    func acknowledgesOldMessagesAgain(_ ns: UInt16) {
        var channel = channel(firstNs: 16)
        #expect(reception(&channel, ns: ns, nr: 16, body: [1]) == "duplicate")
        let sent = channel.flush(at: seconds(0)).compactMap(header)
        #expect(sent.map(\.nr) == [16])
        #expect(sent.map(\.isZLB) == [true])
    }

    @Test("L13: a message far outside of the window is dropped")
    func aMessageBeyondHalfTheNumbersIsNotOld() {
        var channel = channel(firstNs: 16)
        #expect(reception(&channel, ns: 32_783, nr: 16, body: [1]) == "outside")
    }

    @Test("L13: a ZLB is never answered with a ZLB, whatever its number")
    func neverAcknowledgesAnAcknowledgement() {
        var channel = channel()
        for ns in [0, 1, 5, 65_535] as [UInt16] { #expect(reception(&channel, ns: ns, nr: 0, body: []) == "ack") }
        #expect(channel.flush(at: seconds(0)).isEmpty)
    }

    @Test func anAcknowledgementTravelsOnAMessageIfThereIsOne() {
        var channel = channel()
        _ = reception(&channel, ns: 0, nr: 0, body: [1])
        channel.send([9], session: nil)
        let sent = channel.flush(at: seconds(0)).compactMap(header)
        #expect(sent.map(\.isZLB) == [false])
        #expect(sent.map(\.nr) == [1])
        // The window is full: the next one travels alone, under the number of the next message.
        _ = reception(&channel, ns: 1, nr: 0, body: [1])
        channel.send([9], session: nil)
        let next = channel.flush(at: seconds(0)).compactMap(header)
        #expect(next.map(\.isZLB) == [true])
        #expect(next.map(\.ns) == [1])
        #expect(next.map(\.nr) == [2])
    }

    /// RFC 2661 Appendix A: one more for each acknowledgement, up to the peer's window.
    @Test func startsSlowly() {
        var channel = channel(peerWindow: 4)
        for _ in 0..<20 { channel.send([1], session: nil) }
        #expect(numbers(channel.flush(at: seconds(0))) == [0])
        zlb(&channel, nr: 1)
        #expect(numbers(channel.flush(at: seconds(0))) == [1, 2])
        zlb(&channel, nr: 2)
        #expect(numbers(channel.flush(at: seconds(0))) == [3, 4])
        zlb(&channel, nr: 3)
        #expect(numbers(channel.flush(at: seconds(0))) == [5, 6])
        // Four under way: the peer takes no more.
        zlb(&channel, nr: 4)
        #expect(numbers(channel.flush(at: seconds(0))) == [7])
    }

    @Test func aWindowOfOneIsKept() {
        var channel = channel(peerWindow: 1)
        for _ in 0..<3 { channel.send([1], session: nil) }
        for number in 0..<3 {
            #expect(numbers(channel.flush(at: seconds(0))) == [number])
            #expect(numbers(channel.flush(at: seconds(0))) == [])
            zlb(&channel, nr: UInt16(number + 1))
        }
        #expect(channel.isIdle)
        #expect(channel.deadline == nil)
    }

    /// "When congestion occurs one half of the CWND is saved in SSTHRESH, and CWND is set to one"; above SSTHRESH it
    /// takes as many acknowledgements as the window is wide to grow by one.
    @Test func slowsDownWhenSomethingIsLost() {
        var channel = channel(peerWindow: 16)
        for _ in 0..<60 { channel.send([1], session: nil) }
        _ = channel.flush(at: seconds(0))
        for number in 1...7 {
            zlb(&channel, nr: UInt16(number))
            _ = channel.flush(at: seconds(0))
        }
        // 8 under way from 7 on; lost.
        let isAlive = channel.advance(to: seconds(1))
        #expect(isAlive)
        #expect(numbers(channel.flush(at: seconds(1))) == [7])
        // Only one had been lost; all 8 are acknowledged together.
        zlb(&channel, nr: 15, at: 1)
        var widths: [Int] = []
        var next = 15
        for _ in 0..<6 {
            let sent = numbers(channel.flush(at: seconds(1)))
            widths.append(sent.count)
            next += sent.count
            for acknowledged in (next - sent.count + 1)...next { zlb(&channel, nr: UInt16(acknowledged), at: 1) }
        }
        // Slow start to 4, then one more per round.
        #expect(widths == [2, 4, 5, 6, 7, 8])
    }

    @Test func dropsWhatNeedNotBeSaidAnyMore() {
        var channel = channel()
        for _ in 0..<3 { channel.send([1], session: nil) }
        #expect(numbers(channel.flush(at: seconds(0))) == [0])
        channel.dropUnsent()
        channel.send([2], session: nil)
        #expect(channel.queued == 2)
        zlb(&channel, nr: 1)
        #expect(numbers(channel.flush(at: seconds(0))) == [1])
        zlb(&channel, nr: 2)
        #expect(channel.isIdle)
    }

    @Test func forgetsWhatNobodyWaitsForAndCountsOn() {
        var channel = channel()
        for _ in 0..<3 { channel.send([1], session: nil) }
        #expect(numbers(channel.flush(at: seconds(0))) == [0])
        channel.dropUnacknowledged()
        #expect(channel.isIdle && channel.deadline == nil)
        _ = reception(&channel, ns: 0, nr: 0, body: [1])
        #expect(channel.flush(at: seconds(0)).compactMap(header).map(\.ns) == [1])
    }

    @Test func ignoresAcknowledgementsOfWhatWasNotSent() {
        var channel = channel()
        channel.send([1], session: nil)
        channel.send([1], session: nil)
        #expect(numbers(channel.flush(at: seconds(0))) == [0])
        for nr in [2, 3, 1000, 0x7FFF, 0x8000, 0xFFFF] as [UInt16] { zlb(&channel, nr: nr) }
        #expect(channel.queued == 2)
        #expect(channel.deadline == seconds(1))
        zlb(&channel, nr: 1)
        #expect(channel.queued == 1)
    }

    /// Sent at 0, then after 1, 2, 4, 8, 8; given up after 8 more.
    @Test("L18: a message is repeated five times, less and less often, and given up after 31 seconds")
    func retransmitsLessAndLessOftenAndGivesUpAfter31Seconds() {
        var channel = channel()
        channel.send([1], session: nil)
        _ = channel.flush(at: seconds(0))
        var times: [MonotonicTime] = []
        var isAlive = true
        while isAlive, let deadline = channel.deadline {
            isAlive = channel.advance(to: deadline)
            if isAlive {
                #expect(numbers(channel.flush(at: deadline)) == [0])
            }
            times.append(deadline)
        }
        #expect(times == [1, 3, 7, 15, 23, 31].map { seconds($0) })
        #expect(!isAlive)
    }

    @Test func aRetransmissionCarriesTheNewestAcknowledgement() {
        var channel = channel()
        channel.send([1], session: nil)
        #expect(channel.flush(at: seconds(0)).compactMap(header).map(\.nr) == [0])
        _ = reception(&channel, ns: 0, nr: 0, body: [1])
        _ = channel.flush(at: seconds(0.5))
        let isAlive = channel.advance(to: seconds(1))
        #expect(isAlive)
        let again = channel.flush(at: seconds(1)).compactMap(header)
        #expect(again.map(\.ns) == [0])
        #expect(again.map(\.nr) == [1])
    }

    @Test func progressStartsTheWaitAnew() {
        var channel = channel(peerWindow: 1)
        channel.send([1], session: nil)
        channel.send([1], session: nil)
        _ = channel.flush(at: seconds(0))
        for time in [1, 3, 7] as [Double] {
            #expect(channel.advance(to: seconds(time)) == true)
            _ = channel.flush(at: seconds(time))
        }
        zlb(&channel, nr: 1, at: 8)
        #expect(numbers(channel.flush(at: seconds(8))) == [1])
        #expect(channel.deadline == seconds(9))
    }

    @Test func countsOnPast65535() {
        var sender = channel(peerWindow: 4, firstNs: 65_530)
        var receiver = channel(firstNs: 65_530)
        var delivered: [UInt8] = []
        for number in 0..<20 { sender.send([UInt8(number)], session: nil) }
        for _ in 0..<40 {
            for datagram in sender.flush(at: seconds(0)) {
                var reader = ByteReader(datagram)
                guard case .control(let header, let body)? = try? Datagram(from: &reader) else { continue }
                if case .delivered(let messages) = receiver.receive(header, body, at: seconds(0)) {
                    for message in messages {
                        var body = message.body
                        delivered += Array(body.rest())
                    }
                }
            }
            for datagram in receiver.flush(at: seconds(0)) {
                var reader = ByteReader(datagram)
                guard case .control(let header, let body)? = try? Datagram(from: &reader) else { continue }
                _ = sender.receive(header, body, at: seconds(0))
            }
        }
        #expect(delivered == [UInt8](0..<20))
        #expect(sender.isIdle)
    }

    /// Loss, doubling and reordering by seed: everything arrives once and in order, and both ends come to rest.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func deliversOnceAndInOrderOverABadWire(_ seed: UInt64) {
        let chance = SeededEntropy(seed: seed)
        var ends = [
            channel(peerWindow: UInt16(1 + seed % 5), window: 4, firstNs: 65_500, limit: 30),
            channel(peerWindow: 4, window: UInt16(1 + seed % 5), firstNs: 65_500, limit: 30),
        ]
        var delivered: [[UInt8]] = [[], []]
        var wire: [(arrival: MonotonicTime, order: Int, to: Int, datagram: [UInt8])] = []
        var now = seconds(0)
        var count = 0
        func put(_ datagrams: [[UInt8]], to end: Int) {
            for datagram in datagrams {
                let roll = chance.integer(in: 0...99)
                // A quarter is lost, a tenth doubled, each copy delayed on its own by up to half a second.
                for _ in 0..<(roll < 25 ? 0 : roll < 35 ? 2 : 1) {
                    let delay = Duration.milliseconds(Int64(chance.integer(in: 1...500)))
                    wire.append((now.advanced(by: delay), count, end, datagram))
                    count += 1
                }
            }
        }
        let expected = [UInt8](0..<60)
        for end in 0...1 {
            for number in expected { ends[end].send([number], session: nil) }
            put(ends[end].flush(at: now), to: 1 - end)
        }
        while let next = (wire.map(\.arrival) + ends.compactMap(\.deadline)).min(), now < seconds(3600) {
            now = next
            for packet in wire.filter({ $0.arrival <= now }).sorted(by: {
                ($0.arrival, $0.order) < ($1.arrival, $1.order)
            }) {
                var reader = ByteReader(packet.datagram)
                guard case .control(let header, let body)? = try? Datagram(from: &reader) else { continue }
                if case .delivered(let messages) = ends[packet.to].receive(header, body, at: now) {
                    for message in messages {
                        var body = message.body
                        delivered[packet.to] += Array(body.rest())
                    }
                }
                put(ends[packet.to].flush(at: now), to: 1 - packet.to)
            }
            wire.removeAll { $0.arrival <= now }
            for end in 0...1 {
                guard ends[end].advance(to: now) else {
                    Issue.record("given up with seed \(seed)")
                    return
                }
                put(ends[end].flush(at: now), to: 1 - end)
            }
        }
        #expect(delivered == [expected, expected])
        #expect(ends.allSatisfy { $0.isIdle })
        #expect(ends.allSatisfy { $0.deadline == nil })
    }
}
