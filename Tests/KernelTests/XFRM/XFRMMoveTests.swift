// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Primitives
import Testing

struct XFRMMoveTests {
    private static let source: [UInt8] = [203, 0, 113, 1]
    private static let destination: [UInt8] = [203, 0, 113, 2]
    private static let padding = [UInt8](repeating: 0, count: 12)
    private static let window: [UInt8] = .integer(UInt32(2)) + [UInt8](repeating: 0x5A, count: 28)

    /// As the kernel answers: 203.0.113.1:40001 to 203.0.113.2:4500.
    private static func answer(key: [UInt8] = (1...20).map { $0 }, sequence: UInt32? = nil) -> [UInt8] {
        var state = XFRMNoticeTests.state()
        state.replaceSubrange(80..<96, with: source + padding)
        // What is used of the lifetimes: bytes, packets, made, used.
        state.replaceSubrange(160..<192, with: (0..<32).map { UInt8($0) })
        let name = Array("rfc4106(gcm(aes))".utf8)
        let algorithm = name + [UInt8](repeating: 0, count: 64 - name.count)
        let lengths: [UInt8] = .integer(UInt32(160)) + .integer(UInt32(128))
        let encapsulation: [UInt8] = [2, 0, 0x9C, 0x41, 0x11, 0x94, 0, 0] + [UInt8](repeating: 0, count: 16)
        let replay: [UInt8] =
            sequence.map { .attribute(10, .integer($0) + .integer(UInt32(0)) + .integer(UInt32(0))) }
            ?? .attribute(23, window)
        let ends: [UInt8] = .attribute(18, algorithm + lengths + key) + .attribute(4, encapsulation)
        return state + ends + replay + .attribute(32, .integer(UInt32(1)))
    }

    private func messages(
        _ batch: NetlinkBatch
    ) throws -> [(type: UInt16, state: [UInt8], attributes: [Int: ArraySlice<UInt8>])] {
        var cursor = NetlinkCursor(batch.bytes[...])
        var found: [(UInt16, [UInt8], [Int: ArraySlice<UInt8>])] = []
        while let message = try cursor.message() {
            var inner = NetlinkCursor(message.payload)
            found.append((message.type, Array(try inner.take(224)), try inner.attributes()))
        }
        return found
    }

    @Test func aNewPortChangesTheAssociationInPlace() throws {
        let move = try XFRMMove(Self.answer()[...], .inbound, to: SocketAddress(.v4(0xCB00_7101), port: 0x1234))
        #expect(move.kind == .inPlace && move.original.count == 0)
        let change = try #require(try messages(move.change).first)
        #expect(change.type == 0x1A)
        #expect(change.attributes[4]?.prefix(8) == [2, 0, 0x12, 0x34, 0x11, 0x94, 0, 0])
        #expect(change.attributes[18]?.suffix(20) == Array(1...20)[...])
        #expect(change.attributes[9] == nil)
    }

    @Test func thePeersPortIsTheDestinationsOfAnOutboundOne() throws {
        let move = try XFRMMove(Self.answer()[...], .outbound, to: SocketAddress(.v4(0xCB00_7102), port: 0x1234))
        #expect(move.kind == .inPlace)
        #expect(
            try messages(move.change).first?.attributes[4]?.prefix(8) == [2, 0, 0x9C, 0x41, 0x12, 0x34, 0, 0]
        )
    }

    @Test func whoIsThereAlreadyIsNotMoved() throws {
        let move = try XFRMMove(Self.answer()[...], .inbound, to: SocketAddress(.v4(0xCB00_7101), port: 40_001))
        #expect(move.kind == .nothing && move.change.count == 0 && move.original.count == 0)
    }

    @Test func aNewAddressMakesAnotherOneThatGoesOn() throws {
        let move = try XFRMMove(Self.answer()[...], .inbound, to: SocketAddress(.v4(0xC633_6409), port: 7))
        #expect(move.kind == .replacement)
        #expect(move.id.destination == .v4(0xCB00_7102))
        let moved = try #require(try messages(move.change).first)
        let old = try #require(try messages(move.original).first)
        #expect(moved.type == 0x10 && old.type == 0x10)
        #expect(moved.state[80..<84] == [198, 51, 100, 9] && old.state[80..<84] == [203, 0, 113, 1])
        #expect(moved.attributes[4]?.prefix(6) == [2, 0, 0, 7, 0x11, 0x94])
        #expect(old.attributes[4]?.prefix(6) == [2, 0, 0x9C, 0x41, 0x11, 0x94])
        for attributes in [moved.attributes, old.attributes] {
            #expect(attributes[23] == Self.window[...])
            #expect(attributes[9] == (0..<32).map { UInt8($0) }[...])
            #expect(attributes[32] == [1, 0, 0, 0])
        }
    }

    @Test(arguments: [(UInt32(5), UInt32(65_541)), (.max - 7, .max)])
    func anOutboundOneLeavesSequenceNumbersOut(_ before: UInt32, _ after: UInt32) throws {
        let place = SocketAddress(.v4(0xC633_6409), port: 7)
        let move = try XFRMMove(Self.answer(sequence: before)[...], .outbound, to: place)
        #expect(move.id.destination == place.address && move.id.spi.rawValue == 0x1001)
        #expect(try messages(move.change).first?.attributes[10]?.prefix(4) == [UInt8].integer(after)[...])
    }

    @Test func withoutKeysOnlyThePortCanChange() throws {
        let answer = Self.answer(key: [UInt8](repeating: 0, count: 20))
        #expect(throws: DataPlaneError.self) {
            try XFRMMove(answer[...], .inbound, to: SocketAddress(.v4(0xC633_6409), port: 7))
        }
        #expect(try XFRMMove(answer[...], .inbound, to: SocketAddress(.v4(0xCB00_7101), port: 7)).kind == .inPlace)
    }

    @Test("N02: an association that is cut short is not moved, a whole one is")
    func truncation() throws {
        let answer = Self.answer()
        let place = SocketAddress(.v4(0xC633_6409), port: 7)
        for count in 0..<answer.count {
            // Without its keys, and in the middle of anything, it is refused; where an attribute ends it is whole.
            guard let move = try? XFRMMove(answer[..<count], .inbound, to: place) else { continue }
            #expect(count >= 224 + 96)
            #expect(try messages(move.change).count == 1)
        }
        #expect(throws: DataPlaneError.self) { try XFRMMove(answer[..<223], .inbound, to: place) }
        #expect(throws: DataPlaneError.self) { try XFRMMove(answer[..<(answer.count - 1)], .inbound, to: place) }
        #expect(try XFRMMove(answer[...], .inbound, to: place).kind == .replacement)
    }

    @Test func whatIsNotOursIsNotMoved() {
        let foreign = XFRMNoticeTests.state(requestID: 3) + Self.answer().dropFirst(224)
        #expect(throws: DataPlaneError.self) {
            try XFRMMove(foreign[...], .inbound, to: SocketAddress(.v4(1), port: 7))
        }
    }
}
