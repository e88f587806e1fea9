// SPDX-License-Identifier: Apache-2.0
import Primitives

/// ICMP echo in IPv4 in a PPP frame.
enum Echo {
    private static let ipv4: UInt16 = 0x0021

    static func request(from source: IPAddress, to destination: IPAddress, sequence: UInt16) -> [UInt8] {
        var icmp: [UInt8] = [8, 0, 0, 0, 0x43, 0x56] + octets(sequence) + Array("culvert-swarm".utf8)
        if icmp.count % 2 == 1 { icmp.append(0) }
        icmp.replaceSubrange(2..<4, with: octets(checksum(icmp)))
        var ip: [UInt8] = [0x45, 0] + octets(UInt16(20 + icmp.count)) + octets(sequence) + [0, 0, 64, 1, 0, 0]
        ip += source.bytes + destination.bytes
        ip.replaceSubrange(10..<12, with: octets(checksum(ip)))
        return octets(ipv4) + ip + icmp
    }

    /// The frame with its address and control fields or without.
    static func isReply(_ frame: [UInt8]) -> Bool {
        let rest = frame.starts(with: [0xFF, 0x03]) ? frame.dropFirst(2) : frame[...]
        let packet = Array(rest.starts(with: octets(ipv4)) ? rest.dropFirst(2) : rest.dropFirst(1))
        return packet.count >= 28 && packet[0] == 0x45 && packet[9] == 1 && packet[20] == 0
    }

    private static func octets(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }

    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1])
        }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) + sum >> 16 }
        return ~UInt16(sum)
    }
}
