// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What a machine is like, beyond what ``PreflightFacts`` has. What could not be seen is absent or `nil`.
package struct MachineFacts: Hashable, Sendable {
    package struct Address: Hashable, Sendable {
        package var address: IPAddress
        package var length: Int

        package init(_ address: IPAddress, length: Int) {
            self.address = address
            self.length = length
        }
    }

    package struct Interface: Hashable, Sendable {
        package var name: String
        package var isUp = true
        package var isLoopback = false
        package var mtu: Int?
        package var addresses: [Address] = []
        /// By the names that ethtool uses: `esp-hw-offload`. Empty if the device does not say.
        package var features: [String: Bool] = [:]

        package init(_ name: String) {
            self.name = name
        }

        /// Whether a culvertd made it.
        package var isOurs: Bool {
            name == Ownership.gatewayDevice
                || name.hasPrefix(Ownership.unitPrefix) && name.dropFirst(2).allSatisfy(\.isNumber)
        }
    }

    /// Security associations of ours.
    package struct Associations: Hashable, Sendable {
        package var count = 0
        package var offloaded = 0

        package init(count: Int = 0, offloaded: Int = 0) {
            self.count = count
            self.offloaded = offloaded
        }
    }

    package var isRoot = true
    /// By the names of sysctl(8), the values trimmed.
    package var sysctls: [String: String] = [:]
    package var interfaces: [Interface] = []
    /// Names of those that default routes lead through.
    package var defaultInterfaces: Set<String> = []
    package var isClockSynchronised: Bool?
    package var now = WallClockTime(milliseconds: 0)
    /// Of the first processor.
    package var cpuFlags: Set<String> = []
    /// Drivers that the kernel's crypto has loaded: `cbc-aes-aesni`.
    package var cryptoDrivers: Set<String> = []
    package var associations: Associations?
    /// Programs that run, by what `/proc/PID/comm` says.
    package var programs: Set<String> = []
    /// Units that are started at boot: `xl2tpd.service`.
    package var enabledUnits: Set<String> = []
    /// Open files that culvertd is allowed; if it does not run or cannot be asked, those of this process.
    package var fileLimit: Int?
    /// Whether ``fileLimit`` is that of a culvertd that runs.
    package var isFileLimitOfDaemon = false

    package init() {
    }

    /// Interfaces that peers' packets come in at: those of default routes, and those that have one of the addresses.
    package func outer(listening addresses: [IPAddress]) -> [Interface] {
        interfaces.filter { interface in
            guard interface.isUp, !interface.isLoopback, !interface.isOurs else { return false }
            return defaultInterfaces.contains(interface.name)
                || interface.addresses.contains { addresses.contains($0.address) }
        }
    }

    // MARK: The kernel's texts

    /// The devices of default routes, from the text of /proc/net/route.
    package static func defaultInterfaces(inV4 table: String) -> [String] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split { $0 == "\t" || $0 == " " }
            guard fields.count > 7, fields[1] == "00000000", fields[7] == "00000000" else { return nil }
            return String(fields[0])
        }
    }

    /// The devices of default routes, from the text of /proc/net/ipv6_route.
    package static func defaultInterfaces(inV6 table: String) -> [String] {
        table.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count == 10, fields[1] == "00", fields[0].allSatisfy({ $0 == "0" }), fields[9] != "lo" else {
                return nil
            }
            return String(fields[9])
        }
    }

    /// The flags of the first processor, from the text of /proc/cpuinfo.
    package static func flags(inCPUInfo text: String) -> Set<String> {
        for line in text.split(separator: "\n") where line.hasPrefix("flags") || line.hasPrefix("Features") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            return Set(line[line.index(after: colon)...].split { $0 == " " || $0 == "\t" }.map(String.init))
        }
        return []
    }

    /// The drivers, from the text of /proc/crypto.
    package static func drivers(inCrypto text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").compactMap { line in
                guard line.hasPrefix("driver"), let colon = line.firstIndex(of: ":") else { return nil }
                return String(line[line.index(after: colon)...].drop { $0 == " " })
            }
        )
    }

    /// The soft limit, from the text of /proc/PID/limits.
    package static func openFiles(inLimits text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix("Max open files") {
            let word = line.dropFirst("Max open files".count).split(separator: " ").first
            return word == "unlimited" ? .max : word.flatMap { Int($0) }
        }
        return nil
    }
}
