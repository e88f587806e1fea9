// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Primitives
import Testing

struct XFRMNoticeTests {
    private static let requestID = RequestID(serial: 0x1234, port: 20_001)

    /// `struct xfrm_usersa_info`
    static func state(
        destination: [UInt8] = [203, 0, 113, 2],
        spi: [UInt8] = [0, 0, 0x10, 1],
        proto: UInt8 = 50,
        requestID: UInt32 = requestID.rawValue,
        family: UInt16 = 2,
        mode: UInt8 = 0,
        selectorPort: UInt16 = 0
    ) -> [UInt8] {
        var selector = [UInt8](repeating: 0, count: 56)
        selector.replaceSubrange(32..<34, with: [UInt8].integer(selectorPort))
        selector.replaceSubrange(40..<42, with: [UInt8].integer(family))
        var bytes = selector
        bytes += destination + [UInt8](repeating: 0, count: 16 - destination.count)
        bytes += spi + [proto, 0, 0, 0]
        bytes += [UInt8](repeating: 0xEE, count: 16 + 64 + 32 + 12 + 4)
        bytes += .integer(requestID) + .integer(family)
        bytes += [mode, 0, 0] + [UInt8](repeating: 0, count: 7)
        #expect(bytes.count == 224)
        return bytes
    }

    private static func expiry(_ state: [UInt8], hard: UInt8) -> [UInt8] {
        .message(type: 0x18, state + [hard] + [UInt8](repeating: 0, count: 7))
    }

    private static let mapping: [UInt8] = .message(
        type: 0x26,
        [203, 0, 113, 2] + [UInt8](repeating: 0, count: 12) + [0, 0, 0x10, 1] + .integer(UInt16(2)) + [50, 0]
            + .integer(requestID.rawValue)
            + [203, 0, 113, 1] + [UInt8](repeating: 0, count: 12)
            + [198, 51, 100, 9] + [UInt8](repeating: 0, count: 12)
            + [0x9C, 0x41] + [0xC3, 0x50]
    )

    private static func id() throws -> SecurityAssociation.ID {
        SecurityAssociation.ID(destination: .v4(0xCB00_7102), spi: try #require(ESPSPI(rawValue: 0x1001)))
    }

    @Test(arguments: [(UInt8(0), false), (1, true)])
    func anExpiryTellsWhetherItIsHard(_ hard: UInt8, _ isHard: Bool) throws {
        let notices = XFRMNotice.notices(in: Self.expiry(Self.state(), hard: hard)[...])
        #expect(notices == [.expired(try Self.id(), requestID: Self.requestID.rawValue, isHard: isHard)])
    }

    @Test func aMovedPeerIsReportedWithItsNewAddressAndPort() throws {
        #expect(
            XFRMNotice.notices(in: Self.mapping[...]) == [
                .mappingChanged(
                    try Self.id(),
                    requestID: Self.requestID.rawValue,
                    to: SocketAddress(.v4(0xC633_6409), port: 50_000)
                )
            ]
        )
    }

    @Test func severalNoticesInOneDatagramComeInOrder() {
        let both = Self.mapping + Self.expiry(Self.state(), hard: 1)
        #expect(XFRMNotice.notices(in: both[...]).count == 2)
    }

    @Test(
        "N04: expiry of what is not ours, and ACQUIRE, are left out",
        arguments: [
            expiry(state(requestID: 3), hard: 1),
            expiry(state(requestID: 20_001), hard: 1),
            expiry(state(requestID: 0x1_0001), hard: 1),
            expiry(state(proto: 51), hard: 1),
            expiry(state(spi: [0, 0, 0, 255]), hard: 1),
            expiry(state(family: 99), hard: 1),
            .message(type: 0x1B, state()),
            .message(type: 0x17, state()),
            removal(proto: 51),
            removal(spi: [0, 0, 0, 1]),
            .message(type: 0x1C, [51, 0, 0, 0, 0, 0, 0, 0]),
        ]
    )
    func whatIsNotOursIsLeftOut(_ datagram: [UInt8]) {
        #expect(XFRMNotice.notices(in: datagram[...]).isEmpty)
    }

    @Test func anIPv6AssociationIsRead() throws {
        let destination = try #require(IPAddress("2001:db8::2"))
        let datagram = Self.expiry(Self.state(destination: destination.bytes, family: 10), hard: 0)
        guard case .expired(let id, _, _) = XFRMNotice.notices(in: datagram[...]).first else {
            Issue.record("no notice")
            return
        }
        #expect(id.destination == destination)
    }

    /// `struct xfrm_usersa_id`, then the association in an attribute.
    private static func removal(spi: [UInt8] = [0, 0, 0x10, 1], proto: UInt8 = 50) -> [UInt8] {
        let identity: [UInt8] = [203, 0, 113, 2] + [UInt8](repeating: 0, count: 12) + spi + .integer(UInt16(2))
        return .message(type: 0x11, identity + [proto, 0] + .attribute(13, state()))
    }

    @Test func aRemovedAssociationIsTold() throws {
        #expect(XFRMNotice.notices(in: Self.removal()[...]) == [.vanished(.association(try Self.id()))])
        let cut = Self.removal().prefix(16 + 20)
        #expect(XFRMNotice.notices(in: cut).isEmpty)
    }

    @Test(arguments: [UInt8(0), 50, 255])
    func aFlushMeansThatNobodyKnows(_ proto: UInt8) {
        let flush: [UInt8] = .message(type: 0x1C, [proto])
        #expect(XFRMNotice.notices(in: flush[...]) == [.noticesLost])
    }

    @Test(arguments: [mapping, expiry(state(), hard: 1)])
    func everyTruncationGivesNothing(_ datagram: [UInt8]) {
        // The expiry's last seven bytes are padding, but the header's length counts them.
        for count in 0..<datagram.count {
            #expect(XFRMNotice.notices(in: datagram[..<count]).isEmpty)
            // The same, with a header that says so: too short for what it claims to be, or complete.
            guard count >= 16 else { continue }
            var honest = Array(datagram[..<count])
            honest.replaceSubrange(0..<4, with: [UInt8].integer(UInt32(count)))
            #expect(XFRMNotice.notices(in: honest[...]).count == (count >= 16 + 225 ? 1 : 0))
        }
    }

    @Test(arguments: [UInt32(0), 1, 15, 16, 17, 79, 80, 81, .max])
    func everyLengthOfTheHeaderIsSafe(_ length: UInt32) {
        var datagram = Self.mapping
        datagram.replaceSubrange(0..<4, with: [UInt8].integer(length))
        #expect(XFRMNotice.notices(in: datagram[...]).count == (length == 80 ? 1 : 0))
    }

    @Test func onlyTheFormOfOursIsALeftover() throws {
        func isLeftover(_ bytes: [UInt8]) throws -> Bool {
            var cursor = NetlinkCursor(bytes[...])
            return try XFRMState(from: &cursor).isLeftover
        }
        #expect(try isLeftover(Self.state()))
        #expect(try !isLeftover(Self.state(requestID: 1)))
        #expect(try !isLeftover(Self.state(requestID: 16_384)))
        #expect(try !isLeftover(Self.state(mode: 1)))
        #expect(try !isLeftover(Self.state(selectorPort: 1701)))
    }
}
