// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Testing

struct L2TPMessagesTests {
    /// `struct genlmsghdr`, then attributes: L2TP_ATTR_CONN_ID is 9, L2TP_ATTR_SESSION_ID 11.
    private static func notice(_ command: UInt8, tunnel: UInt32?, session: UInt32?) -> [UInt8] {
        let first: [UInt8] = tunnel.map { .attribute(9, .integer($0)) } ?? []
        let second: [UInt8] = session.map { .attribute(11, .integer($0)) } ?? []
        return .message(type: 30, [command, 1, 0, 0] + first + second)
    }

    private static func removal(_ datagram: [UInt8]) -> L2TPMessages.Removal? {
        var cursor = NetlinkCursor(datagram[...])
        guard let message = try? cursor.message() else { return nil }
        return L2TPMessages.Removal(message, family: 30)
    }

    @Test func removalsOfSessionsAndTunnelsAreRead() {
        let session = Self.removal(Self.notice(6, tunnel: 7, session: 9))
        #expect(session?.tunnel == 7 && session?.session == 9)
        let tunnel = Self.removal(Self.notice(2, tunnel: 7, session: nil))
        #expect(tunnel?.tunnel == 7 && tunnel?.session == nil)
    }

    @Test(arguments: [
        notice(1, tunnel: 7, session: nil), notice(5, tunnel: 7, session: 9), notice(6, tunnel: 7, session: nil),
        notice(6, tunnel: nil, session: 9), notice(2, tunnel: nil, session: nil),
        .message(type: 31, [2, 1, 0, 0] + .attribute(9, .integer(UInt32(7)))),
        .message(type: 30, [2, 1, 0, 0] + .attribute(9, [7, 0])),
    ])
    func everythingElseIsNot(_ datagram: [UInt8]) {
        #expect(Self.removal(datagram) == nil)
    }

    @Test func everyTruncationIsSafe() {
        let whole = Self.notice(6, tunnel: 7, session: 9)
        for count in 0..<whole.count {
            #expect(Self.removal(Array(whole[..<count])) == nil)
            guard count >= 16 else { continue }
            var honest = Array(whole[..<count])
            honest.replaceSubrange(0..<4, with: [UInt8].integer(UInt32(count)))
            #expect(Self.removal(honest) == nil)
        }
    }
}
