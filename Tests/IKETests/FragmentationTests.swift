// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// Whole exchanges whose messages come and go in pieces.
struct FragmentationTests {
    /// What Windows sends, and what the others do.
    static let announcements = [VendorID.fragmentation, VendorID.fragmentation + [0x80, 0, 0, 0]]

    static func rig(announcing vendorID: [UInt8]? = VendorID.fragmentation) -> Rig {
        var rig = Rig.natted()
        if let vendorID { rig.peer.vendorIDs.append(vendorID) }
        return rig
    }

    private static func reports(_ effects: [Endpoint.Effect]) -> [FragmentationEvent] {
        effects.events.compactMap { event in
            if case .fragmentation(let event) = event.kind { event } else { nil }
        }
    }

    // MARK: Announcing

    @Test(arguments: announcements + [VendorID.fragmentation + [0xC0, 0, 0, 0]])
    func whoAnnouncesItIsAnswered(_ vendorID: [UInt8]) throws {
        var rig = Self.rig(announcing: vendorID)
        let reply = try RawInitiator.decode(Rig.reply(rig.send(rig.peer.message1())))
        #expect(reply.chain.all(.vendorID).contains { $0.elementsEqual(VendorID.fragmentation + [0x80, 0, 0, 0]) })
    }

    @Test("B11: who does not announce it, or a part of it, is not answered")
    func whoDoesNotAnnounceItIsNotAnswered() throws {
        var rig = Self.rig(announcing: Array(VendorID.fragmentation.dropLast()))
        // The same offer, announced by another before: answers are kept.
        _ = Self.rig().endpoint
        let reply = try RawInitiator.decode(Rig.reply(rig.send(rig.peer.message1())))
        #expect(!reply.chain.all(.vendorID).contains { $0.starts(with: VendorID.fragmentation) })
        rig.peer.vendorIDs.append(VendorID.fragmentation)
        rig.peer.cookieI = Cookie(rawValue: 5)
        let second = try RawInitiator.decode(Rig.reply(rig.send(rig.peer.message1())))
        #expect(second.chain.all(.vendorID).contains { $0.starts(with: VendorID.fragmentation) })
    }

    // MARK: Receiving

    /// Sends a message in pieces in some order.
    private static func send(
        _ message: [UInt8],
        in count: Int,
        order: [Int],
        _ rig: inout Rig
    ) throws -> [Endpoint.Effect] {
        let pieces = try #require(IKEv1.pieces(of: message, length: (message.count + count - 1) / count))
        return order.flatMap { rig.send(pieces[$0]) }
    }

    @Test("E04: every message with our cookie may come in pieces, in any order", arguments: FragmentsTests.orders(3))
    func allMessagesMayComeInPieces(_ order: [Int]) throws {
        var rig = Self.rig()
        try rig.toMessage2()
        // Before there is an SA: our cookie is enough.
        let message4 = try Self.send(try rig.peer.message3(), in: 3, order: order, &rig)
        #expect(message4.words == ["[started]", "transmit"])
        try rig.peer.receive4(Rig.reply(message4))
        rig.float()
        let message6 = try Self.send(try rig.peer.message5(), in: 3, order: order, &rig)
        try rig.peer.receive6(Rig.reply(message6))
        var quick = rig.peer.newQuick()
        let asked = try Self.send(try rig.peer.quick1(&quick), in: 3, order: order, &rig)
        let child = try #require(asked.installs.first)
        let more = rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now)
        try rig.peer.receiveQuick2(&quick, Rig.reply(more))
        let proved = try Self.send(try rig.peer.quick3(quick), in: 3, order: order, &rig)
        #expect(proved.contains(.installOutbound(child.id)))
        #expect(rig.endpoint.counters.fragments == 12)
        #expect(rig.endpoint.counters.messagesPutTogether == 4)
        #expect(rig.endpoint.counters.fragmentsDropped == 0)
        #expect(rig.endpoint.occupancy.unfinishedMessages == 0)
    }

    @Test("E04: a set that is sent again is answered again, and a piece that comes twice does no harm")
    func setsMayBeSentAgain() throws {
        var rig = Self.rig()
        try rig.toMessage2()
        let message3 = try rig.peer.message3()
        let first = try Self.send(message3, in: 3, order: [0, 2], &rig)
        #expect(first.isEmpty)
        rig.now = rig.now.advanced(by: .seconds(1))
        let again = try Self.send(message3, in: 3, order: [0, 1, 2], &rig)
        #expect(again.datagrams.count == 1)
        rig.now = rig.now.advanced(by: .seconds(1))
        let third = try Self.send(message3, in: 3, order: [2, 0, 1], &rig)
        #expect(third.datagrams == again.datagrams)
        #expect(rig.endpoint.snapshots.count == 1)
    }

    @Test func unfinishedMessagesAreMentionedWhilePhase1IsNotDone() throws {
        var rig = Self.rig()
        try rig.toMessage4()
        _ = try Self.send(try rig.peer.message5(), in: 3, order: [0, 1], &rig)
        #expect(rig.endpoint.occupancy.unfinishedMessages == 1)
        #expect(rig.endpoint.nextDeadline.map { rig.now.duration(to: $0) <= .seconds(15) } == true)
        #expect(Self.reports(rig.wait(.seconds(15))) == [.unfinished(pieces: 2)])
        #expect(rig.endpoint.occupancy.unfinishedMessages == 0 && rig.endpoint.occupancy.unfinishedBytes == 0)
        #expect(rig.endpoint.counters.fragmentsDropped == 2)
    }

    @Test func aDoubledPieceOfAnSAThatStandsIsNotMentioned() throws {
        var rig = Self.rig()
        try rig.toEstablished()
        let message = try rig.peer.informational(Payload(.vendorID, [1]))
        let pieces = try #require(IKEv1.pieces(of: message, length: message.count - 1))
        for piece in pieces + [pieces[1]] { rig.send(piece) }
        #expect(rig.endpoint.occupancy.unfinishedMessages == 1)
        #expect(Self.reports(rig.wait(.seconds(15))).isEmpty)
        #expect(rig.endpoint.occupancy.unfinishedMessages == 0)
    }

    // MARK: Refusing

    @Test func nothingIsKeptOfStrangers() throws {
        var rig = Self.rig()
        let message1 = rig.peer.message1()
        let effects = try Self.send(message1, in: 2, order: [0, 1], &rig)
        #expect(Self.reports(effects) == [.refused(.firstMessage), .refused(.firstMessage)])
        rig.peer.cookieR = Cookie(rawValue: 0xDEAD_BEEF)
        #expect(try Self.send(rig.peer.message1(), in: 2, order: [0, 1], &rig).isEmpty)
        #expect(rig.endpoint.counters.unknownSA == 2)
        #expect(rig.endpoint.counters.fragmentsDropped == 4)
        #expect(rig.endpoint.occupancy.unfinishedMessages == 0)
    }

    @Test func aCookieIsGoodForWhomItWasGivenTo() throws {
        var rig = Self.rig()
        try rig.toMessage2()
        let message3 = try rig.peer.message3()
        rig.source.port = 9
        #expect(try Self.send(message3, in: 3, order: [0], &rig).isEmpty)
        #expect(rig.endpoint.occupancy.unfinishedMessages == 0)
        rig.source.port = 1024
        #expect(try Self.send(message3, in: 3, order: [0], &rig).isEmpty)
        #expect(rig.endpoint.occupancy.unfinishedMessages == 1)
        // Those of two paths are not mixed.
        rig.source.port = 9
        #expect(try Self.send(message3, in: 3, order: [1, 2], &rig).isEmpty)
        rig.source.port = 1024
        #expect(try Self.send(message3, in: 3, order: [1, 2], &rig).datagrams.count == 1)
    }

    @Test("E06: a piece inside of pieces, and a message with other cookies, are refused")
    func whatThePiecesMakeHasToBeAMessageOfTheExchange() throws {
        var rig = Self.rig()
        try rig.toMessage2()
        let message3 = try rig.peer.message3()
        let nested = try #require(IKEv1.pieces(of: message3, length: message3.count)).first
        #expect(Self.reports(try Self.send(try #require(nested), in: 2, order: [0, 1], &rig)) == [.refused(.nested)])

        var other = message3
        other[0] ^= 1
        func inOurs(_ bytes: [UInt8]) throws -> [Endpoint.Effect] {
            let header = rig.peer.header(.identityProtection)
            let piece = IKEv1.FragmentPayload(id: 1, number: 1, isLast: true, data: bytes)
            return rig.send(Message(header: header, payloads: [Payload(.fragment, piece)]).encode())
        }
        #expect(Self.reports(try inOurs(other)) == [.refused(.otherCookies)])
        #expect(Self.reports(try inOurs([1, 2, 3])) == [.refused(.unreadable(.truncated(needed: 8, available: 3)))])
        #expect(
            Self.reports(try inOurs(message3 + [0]))
                == [.refused(.unreadable(.invalidLength(message3.count)))]
        )
        #expect(rig.endpoint.snapshots.isEmpty)
        // Twin.
        #expect(try inOurs(message3).datagrams.count == 1)
    }

    @Test("E01: all lengths that a piece may claim to have")
    func lengthsThatLie() throws {
        var rig = Self.rig()
        try rig.toMessage2()
        let message3 = try rig.peer.message3()
        let whole = try #require(IKEv1.pieces(of: message3, length: message3.count - 40))[0]
        let right = whole.count - 28
        for length in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, right - 1, right + 1, 0xFFFF] {
            var bytes = whole
            bytes[30] = UInt8(length >> 8)
            bytes[31] = UInt8(length & 0xFF)
            guard case .refused(.malformed)? = Self.reports(rig.send(bytes)).first else {
                Issue.record("length \(length)")
                continue
            }
        }
        // Cut anywhere, with a header that knows of it.
        for count in 28..<whole.count {
            var bytes = Array(whole.prefix(count))
            bytes[26] = UInt8(count >> 8)
            bytes[27] = UInt8(count & 0xFF)
            #expect(Self.reports(rig.send(bytes)).count == 1, "\(count) bytes")
        }
        #expect(rig.endpoint.occupancy.unfinishedMessages == 0)
        #expect(rig.send(whole).isEmpty)
        #expect(rig.endpoint.occupancy.unfinishedMessages == 1)
    }

    @Test func aPieceStandsAlone() throws {
        var rig = Self.rig()
        try rig.toMessage2()
        let piece = Payload(.fragment, FragmentsTests.piece(1, [1]))
        for payloads in [[piece, piece], [piece, Payload(.vendorID, [1])]] {
            let bytes = Message(header: rig.peer.header(.identityProtection), payloads: payloads).encode()
            #expect(rig.send(bytes).eventNames == ["fragment-refused"])
        }
        #expect(rig.endpoint.occupancy.unfinishedMessages == 0)
    }

    @Test func everyRefusalSaysWhatWasWrong() {
        let refusals: [FragmentationEvent.Refusal] = [
            .malformed(.invalidLength(3)), .firstMessage, .tooManyPieces(32), .tooLong(10_000), .disagreement(2),
            .source(16), .unreadable(.invalidLength(3)), .nested, .otherCookies,
        ]
        #expect(Set(refusals.map(\.text)).count == refusals.count)
        for refusal in refusals {
            #expect("\(FragmentationEvent.refused(refusal).description)".contains(refusal.text))
        }
        #expect(FragmentationEvent.unfinished(pieces: 2).description.name == "fragments-unfinished")
    }

    @Test("E03: 100,000 pieces of one peer leave others alone and cost no more than one message")
    func aFloodOfOnePeerIsBounded() throws {
        var rig = Self.rig()
        try rig.toEstablished()
        let header = rig.peer.header(.identityProtection)
        let data = [UInt8](repeating: 1, count: 100)
        let pieces = (0..<64).map { number in
            let piece = FragmentsTests.piece(UInt8(2 + number % 31), data, id: UInt16(1 + number / 31))
            return Message(header: header, payloads: [Payload(.fragment, piece)]).encode()
        }
        var most = 0
        for number in 0..<100_000 {
            rig.send(pieces[number % 64])
            most = max(most, rig.endpoint.occupancy.unfinishedBytes)
        }
        #expect(rig.endpoint.occupancy.unfinishedMessages == 1)
        #expect(most <= 31 * (100 + IKEv1.Fragments.overhead))
        _ = try rig.toChild()
    }

    // MARK: Sending

    private static func small(_ vendorID: [UInt8]?) -> Rig {
        var configuration = Configuration(profiles: [.test()])
        configuration.longestPacket = 180
        var rig = Rig.natted(Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 1)))
        if let vendorID { rig.peer.vendorIDs.append(vendorID) }
        return rig
    }

    /// - Returns: What the pieces make.
    private static func joined(_ datagrams: [Datagram]) throws -> [UInt8] {
        var fragments = IKEv1.Fragments()
        for datagram in datagrams {
            #expect(datagram.bytes.count <= 180 - 28)
            let bytes = datagram.port == .natTraversal ? Array(datagram.bytes.dropFirst(4)) : datagram.bytes
            let piece = try FragmentsTests.decode(bytes)
            if case .whole(let message) = fragments.take(piece, of: FragmentsTests.key(), at: start, factor: 1) {
                return message
            }
        }
        Issue.record("a piece is missing")
        return []
    }

    @Test(arguments: announcements)
    func longMessagesGoOutInPieces(_ vendorID: [UInt8]) throws {
        var rig = Self.small(vendorID)
        try rig.toMessage2()
        let message3 = try rig.peer.message3()
        let effects = rig.send(message3)
        #expect(effects.datagrams.count > 1)
        try rig.peer.receive4(try Self.joined(effects.datagrams))
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(rig.send(message3).datagrams == effects.datagrams, "a repetition has the same pieces")
        rig.float()
        let message6 = rig.send(try rig.peer.message5()).datagrams
        try rig.peer.receive6(message6.count == 1 ? Rig.reply([.transmit(message6[0])]) : Self.joined(message6))
        var quick = rig.peer.newQuick()
        let child = try #require(rig.send(try rig.peer.quick1(&quick)).installs.first)
        let message2 = rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now).datagrams
        #expect(message2.count > 1)
        try rig.peer.receiveQuick2(&quick, try Self.joined(message2))
        #expect(rig.wait(.seconds(2)).datagrams == message2, "our own repetition too")
        #expect(rig.send(try rig.peer.quick3(quick)).contains(.installOutbound(child.id)))
    }

    @Test func whoDidNotAnnounceItGetsWholeMessages() throws {
        var rig = Self.small(nil)
        try rig.toMessage2()
        #expect(rig.send(try rig.peer.message3()).datagrams.count == 1)
    }
}
