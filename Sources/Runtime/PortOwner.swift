// SPDX-License-Identifier: Apache-2.0
internal import Kernel
package import Primitives

/// The process that has a UDP port.
package struct PortOwner: Hashable, Sendable {
    package var process: Int32
    /// As the kernel shows it: at most 15 bytes.
    package var name: String

    /// Looks through `/proc`; `nil` if nobody has the port or if it cannot be seen who.
    package static func find(_ local: SocketAddress) -> PortOwner? {
        let tables = local.address.isV4 ? ["/proc/net/udp", "/proc/net/udp6"] : ["/proc/net/udp6", "/proc/net/udp"]
        let inodes = tables.flatMap { sockets(in: lines(of: $0), conflictingWith: local) }
        guard !inodes.isEmpty else { return nil }
        let links = Set(inodes.map { "socket:[\($0)]" })
        for process in KernelText.list("/proc").compactMap({ Int32($0) }) {
            let directory = "/proc/\(process)/fd"
            guard
                KernelText.list(directory)
                    .contains(where: { links.contains(KernelText.target(of: "\(directory)/\($0)") ?? "") })
            else { continue }
            return PortOwner(process: process, name: lines(of: "/proc/\(process)/comm").first ?? "?")
        }
        return nil
    }

    /// What ends it.
    package var stopCommand: String {
        name == "culvertd" ? "systemctl stop culvertd" : OtherDaemons.stopCommand(for: name) ?? "kill \(process)"
    }

    /// Inodes of the sockets in a table of `/proc/net` that share port and address with `local`.
    static func sockets(in lines: [String], conflictingWith local: SocketAddress) -> [String] {
        lines.compactMap { line in
            let columns = line.split(separator: " ")
            guard columns.count > 9 else { return nil }
            let ends = columns[1].split(separator: ":")
            guard ends.count == 2, UInt16(ends[1], radix: 16) == local.port,
                let address = address(ends[0]),
                address == local.address || address.isUnspecified || local.address.isUnspecified
            else { return nil }
            return String(columns[9])
        }
    }

    /// Words of 32 bits in hexadecimal, each in the order of a little-endian machine.
    private static func address(_ text: Substring) -> IPAddress? {
        let digits = Array(text.utf8)
        guard digits.count == 8 || digits.count == 32 else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 8) {
            guard let word = UInt32(String(decoding: digits[start..<start + 8], as: UTF8.self), radix: 16) else {
                return nil
            }
            withUnsafeBytes(of: word) { bytes += $0 }
        }
        return IPAddress(bytes: bytes)
    }

    private static func lines(of path: String) -> [String] {
        (KernelText.read(path) ?? "").split(separator: "\n").map(String.init)
    }
}
