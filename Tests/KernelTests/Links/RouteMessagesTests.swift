// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Primitives
import Testing

/// The expected bytes were put together by hand from the structures in <linux/rtnetlink.h>, not by this code.
struct RouteMessagesTests {
    private func bytes(_ message: consuming NetlinkMessage) -> [UInt8] {
        var bytes: [UInt8] = []
        message.write(to: &bytes, sequence: 0)
        return bytes
    }

    @Test func aUnitIsAPPPDeviceOfOurGroup() {
        #expect(
            bytes(RouteMessages.addUnit(name: "cv7", mtu: 1400, descriptor: 17))
                == hex(
                    """
                    500000001000010600000000000000000000000000000000000000000000000008000300637637000800040078050000
                    08001b00564300001800128008000100707070000c0002800800010011000000
                    """
                )
        )
    }

    @Test func aUnitGetsAnotherMTU() {
        #expect(
            bytes(RouteMessages.setMTU(1308, index: 9))
                == hex("2800000010000100000000000000000000000000090000000000000000000000080004001c050000")
        )
    }

    @Test func aRouteLeadsToOneHostAndNamesItsSource() {
        #expect(
            bytes(
                RouteMessages.addRoute(to: .v4(0x0A63_0007), from: .v4(0x0A63_0001), index: 9, replacing: false)
            )
                == hex(
                    """
                    3400000018000106000000000000000002200000fec1fd0100000000080001000a630007080004000900000008000700
                    0a630001
                    """
                )
        )
        let replacing = bytes(
            RouteMessages.addRoute(to: .v4(0x0A63_0007), from: .v4(0x0A63_0001), index: 9, replacing: true)
        )
        // NLM_F_REQUEST, NLM_F_CREATE, NLM_F_REPLACE
        #expect(Array(replacing[6..<8]) == [0x01, 0x05])
    }

    @Test func aTunnelIsMadeAroundASocket() {
        let session = L2TPSession(
            id: KernelSessionID(tunnel: 10, session: 11),
            peerID: KernelSessionID(tunnel: 100, session: 101),
            socket: RequestID(serial: 1, port: 20_000),
            usesSequenceNumbers: false,
            mtu: 1400
        )
        #expect(
            bytes(L2TPMessages.createTunnel(session, descriptor: 5, family: 33))
                == hex(
                    """
                    3c00000021000100000000000000000001010000080009000a00000008000a0064000000050007000200000006000200
                    000000000800170005000000
                    """
                )
        )
    }

    private static func link(name: String, group: UInt32, kind: String?) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0] + .integer(UInt32(9)) + .integer(UInt32(0)) + .integer(UInt32(0))
        bytes += .attribute(3, Array(name.utf8) + [0]) + .attribute(27, .integer(group))
        if let kind { bytes += .attribute(18, .attribute(1, Array(kind.utf8) + [0])) }
        return bytes
    }

    @Test(arguments: [
        ("cv12", Ownership.liveGroup, "ppp", true), ("cv12", Ownership.graveGroup, "ppp", true),
        ("culvert0", Ownership.liveGroup, "dummy", true),
        ("ppp0", Ownership.liveGroup, "ppp", false), ("cv12", 0, "ppp", false),
        ("cv12", Ownership.liveGroup, "bridge", false), ("eth0", Ownership.liveGroup, nil, false),
    ])
    func aDeviceIsOursByGroupKindAndName(_ name: String, _ group: UInt32, _ kind: String?, _ isOurs: Bool) throws {
        let record = try LinkRecord(Self.link(name: name, group: group, kind: kind)[...])
        #expect(record.isOurs == isOurs)
        #expect(record.index == 9 && record.name == name && record.group == group && record.kind == kind)
    }

    @Test func everyTruncationOfADeviceIsSafe() {
        let whole = Self.link(name: "cv12", group: Ownership.liveGroup, kind: "ppp")
        for count in 0..<whole.count {
            #expect((try? LinkRecord(whole[..<count]))?.isOurs != true)
        }
    }

    @Test func countersAreReadFromStatistics() {
        let values: [UInt64] = [1, 2, 3, 4, 5, 6]
        let payload: [UInt8] =
            [0, 0, 0, 0] + .integer(UInt32(9)) + .integer(UInt32(1))
            + .attribute(1, values.flatMap { [UInt8].integer($0) })
        let decoded = TrafficCounters.decode(payload[...])
        #expect(decoded?.index == 9)
        #expect(
            decoded?.counters
                == TrafficCounters(receivedPackets: 1, receivedBytes: 3, sentPackets: 2, sentBytes: 4)
        )
        for count in 0..<(12 + 4 + 32) { #expect(TrafficCounters.decode(payload[..<count]) == nil) }
    }
}
