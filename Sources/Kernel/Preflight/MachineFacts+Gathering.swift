// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Glibc
internal import Primitives

extension MachineFacts {
    /// What we look at, of `/proc/sys`.
    package static let sysctlNames = [
        "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.conf.all.rp_filter",
        "net.ipv4.conf.all.accept_redirects", "net.ipv4.conf.all.send_redirects", "net.ipv4.ip_no_pmtu_disc",
        "net.ipv4.tcp_mtu_probing", "net.core.rmem_max", "net.core.wmem_max", "net.core.netdev_max_backlog",
        "net.netfilter.nf_conntrack_max",
    ]

    /// Looks at the machine and changes nothing.
    package static func gather() -> MachineFacts {
        var facts = MachineFacts()
        facts.isRoot = geteuid() == 0
        facts.now = WallClockTime(milliseconds: culvert_realtime_milliseconds())
        let synchronised = culvert_clock_is_synchronised()
        if synchronised >= 0 { facts.isClockSynchronised = synchronised == 1 }
        facts.interfaces = interfaces()
        facts.defaultInterfaces = Set(
            defaultInterfaces(inV4: KernelText.read("/proc/net/route") ?? "")
                + defaultInterfaces(inV6: KernelText.read("/proc/net/ipv6_route") ?? "")
        )
        let ownNames = facts.interfaces.filter { !$0.isLoopback && !$0.isOurs }.map(\.name)
        for name in sysctlNames + ownNames.map({ "net.ipv4.conf.\($0).rp_filter" }) {
            guard let value = sysctl(name) else { continue }
            facts.sysctls[name] = value
        }
        facts.cpuFlags = flags(inCPUInfo: KernelText.read("/proc/cpuinfo") ?? "")
        facts.cryptoDrivers = drivers(inCrypto: KernelText.read("/proc/crypto") ?? "")
        facts.associations = associations()
        facts.gatherPrograms()
        facts.enabledUnits = enabledUnits()
        return facts
    }

    private static func sysctl(_ name: String) -> String? {
        // A device may have a dot in its name, which stands for itself: only the dots of our own are folders.
        let path: String
        if name.hasPrefix("net.ipv4.conf."), name.hasSuffix(".rp_filter") {
            path = "net/ipv4/conf/\(name.dropFirst(14).dropLast(10))/rp_filter"
        } else {
            path = String(name.map { $0 == "." ? "/" : $0 })
        }
        return KernelText.read("/proc/sys/\(path)").map(KernelText.trimmed)
    }

    private static func interfaces() -> [Interface] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var found: [String: Interface] = [:]
        var next = first
        while let entry = next {
            next = entry.pointee.ifa_next
            let name = String(cString: entry.pointee.ifa_name)
            var interface = found[name] ?? Interface(name)
            interface.isUp = entry.pointee.ifa_flags & UInt32(IFF_UP) != 0
            interface.isLoopback = entry.pointee.ifa_flags & UInt32(IFF_LOOPBACK) != 0
            if let address = ip(entry.pointee.ifa_addr), let mask = ip(entry.pointee.ifa_netmask) {
                let length = mask.bytes.reduce(0) { $0 + $1.nonzeroBitCount }
                interface.addresses.append(Address(address, length: length))
            }
            found[name] = interface
        }
        let socket = culvert_udp_socket(4)
        guard socket >= 0 else { return found.values.sorted { $0.name < $1.name } }
        defer { _ = close(socket) }
        for name in found.keys {
            let mtu = culvert_link_mtu(socket, name)
            if mtu > 0 { found[name]?.mtu = Int(mtu) }
            found[name]?.features = features(of: name, socket)
        }
        return found.values.sorted { $0.name < $1.name }
    }

    private static func ip(_ address: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
        guard let address else { return nil }
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                withUnsafeBytes(of: $0.pointee.sin_addr) { IPAddress(bytes: Array($0)) }
            }
        case AF_INET6:
            return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                withUnsafeBytes(of: $0.pointee.sin6_addr) { IPAddress(bytes: Array($0)) }
            }
        case _: return nil
        }
    }

    private static func features(of name: String, _ socket: Int32) -> [String: Bool] {
        let capacity = 256
        let size = CULVERT_FEATURE_NAME_SIZE
        var names = [CChar](repeating: 0, count: capacity * size)
        var states = [UInt8](repeating: 0, count: capacity)
        let count = culvert_link_features(socket, name, &names, &states, Int32(capacity))
        guard count > 0 else { return [:] }
        var features: [String: Bool] = [:]
        for index in 0..<Int(count) {
            let bytes = names[index * size..<(index + 1) * size].prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            guard !bytes.isEmpty else { continue }
            features[String(decoding: bytes, as: UTF8.self)] = states[index] == 1
        }
        return features
    }

    /// `nil` without the right to see them.
    private static func associations() -> Associations? {
        guard let xfrm = try? NetlinkSocket(.xfrm) else { return nil }
        var found = Associations()
        do throws(DataPlaneError) {
            try xfrm.visit(XFRMMessages.list(), step: "XFRM_MSG_GETSA") { reply in
                var cursor = NetlinkCursor(reply.payload)
                guard let state = try? XFRMState(from: &cursor), state.isLeftover else { return }
                found.count += 1
                if let attributes = try? cursor.attributes(), attributes[Int(XFRMA_OFFLOAD_DEV.rawValue)] != nil {
                    found.offloaded += 1
                }
            }
        } catch {
            return nil
        }
        return found
    }

    private mutating func gatherPrograms() {
        for process in KernelText.list("/proc") where process.allSatisfy(\.isNumber) {
            guard let name = KernelText.read("/proc/\(process)/comm").map(KernelText.trimmed),
                Self.sharesNetwork(process)
            else { continue }
            programs.insert(name)
            if name == "culvertd",
                let limit = Self.openFiles(inLimits: KernelText.read("/proc/\(process)/limits") ?? "")
            {
                fileLimit = limit
                isFileLimitOfDaemon = true
            }
        }
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        // culvertd raises it as far as it is allowed.
        if fileLimit == nil, culvert_file_limits(&soft, &hard) == 0 { fileLimit = Int(clamping: hard) }
    }

    /// What runs in a container of its own network is in nobody's way here.
    private static func sharesNetwork(_ process: String) -> Bool {
        var own = stat()
        var other = stat()
        guard stat("/proc/self/ns/net", &own) == 0, stat("/proc/\(process)/ns/net", &other) == 0 else { return true }
        return own.st_ino == other.st_ino
    }

    private static func enabledUnits() -> Set<String> {
        let root = "/etc/systemd/system"
        return Set(
            KernelText.list(root).filter { $0.hasSuffix(".wants") }.flatMap { KernelText.list("\(root)/\($0)") }
        )
    }
}
