// SPDX-License-Identifier: Apache-2.0
import DataPlane
import IKE
import Primitives
import Testing

/// Pieces alone, without the endpoint.
struct FragmentsTests {
    typealias Piece = IKEv1.FragmentPayload

    static func key(_ number: Int = 0, source: UInt32 = 0xC633_6407) -> IKEv1.Fragments.Key {
        IKEv1.Fragments.Key(
            cookies: IKEv1.CookiePair(
                initiator: Cookie(rawValue: UInt64(number) + 1),
                responder: Cookie(rawValue: 7)
            ),
            path: IKEv1.Path(port: .ike, local: gateway, peer: SocketAddress(.v4(source), port: 500))
        )
    }

    static func piece(_ number: UInt8, _ data: [UInt8], isLast: Bool = false, id: UInt16 = 1) -> Piece {
        Piece(id: id, number: number, isLast: isLast, data: data)
    }

    private var fragments = IKEv1.Fragments()

    private mutating func take(_ piece: Piece, _ key: IKEv1.Fragments.Key = key()) -> IKEv1.Fragments.Outcome {
        fragments.take(piece, of: key, at: start, factor: 1)
    }

    // MARK: The payload

    @Test func theLayoutIsThatOfTheVendors() throws {
        let piece = Self.piece(2, [0xAA, 0xBB], isLast: true, id: 0x0102)
        #expect(Array(Payload(.fragment, piece).body) == hex("0102 02 01 AABB"))
        #expect(try Piece(hex("0102 02 01 AABB")[...]) == piece)
        // The other flags mean nothing.
        #expect(try Piece(hex("0102 02 FE AABB")[...]).isLast == false)
        #expect(try Piece(hex("0102 02 FF AABB")[...]).isLast == true)
    }

    @Test("E01, E02: fragment id 0, number 0 and no data are refused, and so is any payload that is cut short")
    func whatCannotBeAPieceIsRefused() {
        for text in ["0000 01 01 AA", "0001 00 01 AA", "0001 01 01", "0001 01", "0001", "00", ""] {
            #expect(throws: DecodeError.self, "\(text)") { try Piece(hex(text)[...]) }
        }
    }

    // MARK: Putting together

    static func orders(_ count: Int) -> [[Int]] {
        guard count > 1 else { return [[0]] }
        return orders(count - 1).flatMap { order in
            (0...order.count).map { place in
                var order = order
                order.insert(count - 1, at: place)
                return order
            }
        }
    }

    @Test("E04: pieces of any size in any order make the message, and every piece may come twice", arguments: 1...5)
    func piecesMakeTheMessage(_ count: Int) throws {
        let message = Message(
            header: ISAKMPHeader(
                initiatorCookie: Cookie(rawValue: 1),
                responderCookie: Cookie(rawValue: 2),
                exchange: .identityProtection
            ),
            payloads: [Payload(.vendorID, (0..<100).map { UInt8($0) })]
        ).encode()
        let length = (message.count + count - 1) / count
        let pieces = try #require(IKEv1.pieces(of: message, length: length)).map { try Self.decode($0) }
        #expect(pieces.count == count)
        for order in Self.orders(count) {
            for isDoubled in [false, true] {
                var fragments = IKEv1.Fragments()
                var outcomes: [IKEv1.Fragments.Outcome] = []
                for place in order {
                    for _ in 0..<(isDoubled && place != order.last ? 2 : 1) {
                        outcomes.append(fragments.take(pieces[place], of: Self.key(), at: start, factor: 1))
                    }
                }
                #expect(outcomes.last == .whole(message), "\(order)")
                #expect(outcomes.dropLast().allSatisfy { $0 == .waiting }, "\(order)")
                #expect(fragments.count == 0 && fragments.bytes == 0 && fragments.nextDeadline == nil)
            }
        }
    }

    @Test func everyLengthOfPieceThatNeedsNoMoreThan32MakesTheMessage() throws {
        let message = Message(
            header: ISAKMPHeader(
                initiatorCookie: Cookie(rawValue: 1),
                responderCookie: Cookie(rawValue: 2),
                exchange: .quickMode,
                messageID: 5
            ),
            payloads: [Payload(.vendorID, [UInt8](repeating: 9, count: 200))]
        ).encode()
        for length in 1...message.count + 1 {
            let encoded = IKEv1.pieces(of: message, length: length)
            guard (message.count + length - 1) / length <= 32 else {
                #expect(encoded == nil)
                continue
            }
            var fragments = IKEv1.Fragments()
            var outcome = IKEv1.Fragments.Outcome.waiting
            for bytes in try #require(encoded) {
                outcome = fragments.take(try Self.decode(bytes), of: Self.key(), at: start, factor: 1)
            }
            #expect(outcome == .whole(message))
        }
    }

    @Test func whatIsNoMessageIsNotCut() {
        #expect(IKEv1.pieces(of: [1, 2, 3], length: 1) == nil)
    }

    static func decode(_ bytes: [UInt8]) throws -> Piece {
        var reader = ByteReader(bytes)
        let message = try Message(from: &reader)
        #expect(message.header.nextPayload == .fragment && message.header.messageID == 0)
        #expect(message.header.exchange == .identityProtection && message.header.flags.isEmpty)
        return try Piece(try message.chain.only(.fragment))
    }

    @Test func oneThatIsMissingKeepsTheMessageWaitingUntilTheSetIsSentAgain() {
        var rig = self
        #expect(rig.take(Self.piece(1, [1])) == .waiting)
        #expect(rig.take(Self.piece(3, [3], isLast: true)) == .waiting)
        #expect(rig.take(Self.piece(1, [1])) == .waiting)
        #expect(rig.take(Self.piece(2, [2])) == .whole([1, 2, 3]))
    }

    // MARK: What does not go together

    @Test("E02: two that are the last, one beyond the last, and a number with other bytes do not go together")
    func contradictionsAreRefused() {
        let sets: [(pieces: [Piece], at: Int)] = [
            ([Self.piece(2, [2], isLast: true), Self.piece(1, [1], isLast: true)], 1),
            ([Self.piece(3, [3], isLast: true), Self.piece(2, [2], isLast: true)], 2),
            ([Self.piece(2, [2], isLast: true), Self.piece(3, [3])], 3),
            ([Self.piece(4, [4]), Self.piece(3, [3], isLast: true)], 3),
            ([Self.piece(2, [2]), Self.piece(2, [9])], 2),
            ([Self.piece(2, [2]), Self.piece(2, [2], isLast: true)], 2),
            ([Self.piece(2, [2], isLast: true), Self.piece(2, [2])], 2),
        ]
        for (index, set) in sets.enumerated() {
            var rig = self
            #expect(rig.take(set.pieces[0]) == .waiting)
            let outcome = rig.take(set.pieces[1])
            // A piece that is a whole message by itself has nothing to agree with.
            let expected: IKEv1.Fragments.Outcome = index == 0 ? .whole([1]) : .refused(.disagreement(set.at))
            #expect(outcome == expected, "set \(index)")
            // The old ones are gone; the new one begins anew.
            #expect(rig.fragments.count == (index == 0 ? 0 : 1))
        }
    }

    @Test func aPeerThatGaveUpAMessageIsUnderstoodAboutTheNextOneWithTheSameID() {
        var rig = self
        #expect(rig.take(Self.piece(1, [1])) == .waiting)
        #expect(rig.take(Self.piece(1, [7])) == .refused(.disagreement(1)))
        #expect(rig.take(Self.piece(2, [8], isLast: true)) == .whole([7, 8]))
    }

    @Test func aNewIDTakesThePlaceOfAnUnfinishedMessage() {
        var rig = self
        #expect(rig.take(Self.piece(1, [1])) == .waiting)
        #expect(rig.take(Self.piece(1, [5], id: 2)) == .waiting)
        #expect(rig.fragments.count == 1)
        #expect(rig.take(Self.piece(2, [6], isLast: true, id: 2)) == .whole([5, 6]))
    }

    @Test("E02: pieces have numbers up to 32")
    func numbersAreBounded() {
        for number: UInt8 in [33, 64, 255] {
            var rig = self
            #expect(rig.take(Self.piece(number, [1])) == .refused(.tooManyPieces(32)))
            #expect(rig.fragments.count == 0)
            #expect(rig.take(Self.piece(1, [1])) == .waiting)
            #expect(rig.take(Self.piece(number, [1])) == .refused(.tooManyPieces(32)))
            #expect(rig.fragments.count == 0 && rig.fragments.bytes == 0)
        }
    }

    @Test func messagesHaveTheLengthOfOthersAtMost() {
        var rig = self
        #expect(rig.take(Self.piece(1, [UInt8](repeating: 1, count: 9_999))) == .waiting)
        #expect(rig.take(Self.piece(2, [1])) == .waiting)
        #expect(rig.take(Self.piece(3, [1], isLast: true)) == .refused(.tooLong(10_000)))
        #expect(rig.fragments.count == 0 && rig.fragments.bytes == 0)
        let alone = [UInt8](repeating: 1, count: 10_001)
        #expect(rig.take(Self.piece(1, alone, isLast: true)) == .refused(.tooLong(10_000)))
    }

    // MARK: Bounds

    @Test func aSourceHasSixteenUnfinishedMessages() {
        var rig = self
        for number in 0..<16 { #expect(rig.take(Self.piece(1, [1]), Self.key(number)) == .waiting) }
        #expect(rig.take(Self.piece(1, [1]), Self.key(16)) == .refused(.source(16)))
        #expect(rig.take(Self.piece(1, [1]), Self.key(16, source: 1)) == .waiting)
        #expect(rig.fragments.take(Self.piece(1, [1]), of: Self.key(17), at: start, factor: 16) == .waiting)
        // One that is done makes room for another.
        #expect(rig.take(Self.piece(2, [2], isLast: true), Self.key(3)) == .whole([1, 2]))
        #expect(rig.take(Self.piece(2, [2], isLast: true), Self.key(4)) == .whole([1, 2]))
        #expect(rig.take(Self.piece(1, [1]), Self.key(18)) == .waiting)
        #expect(rig.take(Self.piece(1, [1]), Self.key(19)) == .refused(.source(16)))
    }

    @Test func whatIsUnfinishedIsForgottenInTime() {
        var rig = self
        #expect(rig.take(Self.piece(1, [1])) == .waiting)
        #expect(rig.fragments.nextDeadline == start.advanced(by: .seconds(15)))
        #expect(rig.fragments.advance(to: start.advanced(by: .milliseconds(14_999))).isEmpty)
        let torsos = rig.fragments.advance(to: start.advanced(by: .seconds(15)))
        #expect(torsos.map(\.key) == [Self.key()] && torsos.map(\.arrived) == [1])
        #expect(rig.fragments.count == 0 && rig.fragments.bytes == 0 && rig.fragments.nextDeadline == nil)
        for number in 0..<16 { #expect(rig.take(Self.piece(1, [1]), Self.key(number)) == .waiting) }
    }

    @Test("E03, E05: 100,000 pieces from everywhere, in the worst order, keep what is kept within bounds")
    func floodsAreBounded() {
        var fragments = IKEv1.Fragments()
        let data = [UInt8](repeating: 1, count: 300)
        var highest = (count: 0, bytes: 0)
        for number in 0..<100_000 {
            // Backwards, so that none is ever whole; each source has many messages, and there are many sources.
            let piece = Self.piece(UInt8(32 - number % 31), data)
            let key = Self.key(number / 31, source: UInt32(number / 310))
            _ = fragments.take(piece, of: key, at: start, factor: 1)
            highest = (max(highest.count, fragments.count), max(highest.bytes, fragments.bytes))
        }
        #expect(highest.count <= IKEv1.Fragments.most && highest.count > 100)
        #expect(highest.bytes <= IKEv1.Fragments.mostBytes && highest.bytes > IKEv1.Fragments.mostBytes / 2)
        _ = fragments.advance(to: start.advanced(by: .seconds(15)))
        #expect(fragments.count == 0 && fragments.bytes == 0 && fragments.nextDeadline == nil)
        // Twin: right after it somebody is served.
        #expect(fragments.take(Self.piece(1, [1]), of: Self.key(), at: start, factor: 1) == .waiting)
        #expect(
            fragments.take(Self.piece(2, [2], isLast: true), of: Self.key(), at: start, factor: 1) == .whole([1, 2])
        )
    }

    @Test func theOldestLeaveFirst() {
        var fragments = IKEv1.Fragments()
        for number in 0...IKEv1.Fragments.most {
            let piece = Self.piece(1, [1])
            #expect(
                fragments.take(piece, of: Self.key(number, source: UInt32(number)), at: start, factor: 1) == .waiting
            )
        }
        #expect(fragments.count == IKEv1.Fragments.most)
        let second = Self.piece(2, [2], isLast: true)
        #expect(fragments.take(second, of: Self.key(1, source: 1), at: start, factor: 1) == .whole([1, 2]))
        #expect(fragments.take(second, of: Self.key(0, source: 0), at: start, factor: 1) == .waiting)
    }
}
