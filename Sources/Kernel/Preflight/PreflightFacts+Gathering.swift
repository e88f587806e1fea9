// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Glibc
internal import Primitives

extension PreflightFacts {
    /// Looks at the machine. What is tried in the kernel is undone before this returns.
    package static func gather() -> PreflightFacts {
        var facts = PreflightFacts()
        var capabilities: UInt64 = 0
        _ = culvert_effective_capabilities(&capabilities)
        facts.hasNetAdmin = capabilities >> UInt64(CULVERT_CAP_NET_ADMIN) & 1 == 1
        if facts.hasNetAdmin { facts.probes = KernelPart.allCases.map { Probe($0, failure: $0.tryOut()) } }
        facts.portHolders = portHolders()
        facts.isForwarding = KernelText.trimmed(read("/proc/sys/net/ipv4/ip_forward")) == "1"
        if let range = portRange(read("/proc/sys/net/ipv4/ip_local_port_range")) { facts.ephemeralPorts = range }
        facts.reservedPorts = portList(read("/proc/sys/net/ipv4/ip_local_reserved_ports"))
        return facts
    }

    // MARK: Reading the kernel's texts

    /// Two numbers with white space between.
    package static func portRange(_ text: String) -> ClosedRange<UInt16>? {
        let numbers = text.split { $0.isWhitespace }.compactMap { UInt16($0) }
        guard numbers.count == 2, numbers[0] <= numbers[1] else { return nil }
        return numbers[0]...numbers[1]
    }

    /// `8080,9000-9010`
    package static func portList(_ text: String) -> [ClosedRange<UInt16>] {
        KernelText.trimmed(text).split(separator: ",").compactMap { item in
            let ends = item.split(separator: "-").compactMap { UInt16($0) }
            guard let first = ends.first, let last = ends.last, first <= last else { return nil }
            return first...last
        }
    }

    /// The sockets on the given ports, from the text of /proc/net/udp or udp6.
    package static func holders(of ports: [UInt16], in table: String) -> [PortHolder] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, let hex = fields[1].split(separator: ":").last,
                let port = UInt16(hex, radix: 16), ports.contains(port), let inode = UInt64(fields[9])
            else { return nil }
            return PortHolder(port: port, inode: inode)
        }
    }

    private static func portHolders() -> [PortHolder] {
        var holders = ["/proc/net/udp", "/proc/net/udp6"].flatMap {
            Self.holders(of: Preflight.ikePorts, in: read($0))
        }
        guard !holders.isEmpty else { return [] }
        let owners = processes(holding: Set(holders.map(\.inode)))
        for index in holders.indices { holders[index].process = owners[holders[index].inode] }
        return holders
    }

    /// Looks through the descriptors of all processes we may see; by inode of the socket.
    private static func processes(holding inodes: Set<UInt64>) -> [UInt64: String] {
        var owners: [UInt64: String] = [:]
        for pid in KernelText.list("/proc") where pid.allSatisfy(\.isNumber) {
            for descriptor in KernelText.list("/proc/\(pid)/fd") {
                guard let target = KernelText.target(of: "/proc/\(pid)/fd/\(descriptor)"),
                    target.hasPrefix("socket:["),
                    let inode = UInt64(target.dropFirst(8).dropLast()), inodes.contains(inode)
                else { continue }
                owners[inode] = "\(KernelText.trimmed(read("/proc/\(pid)/comm"))) (pid \(pid))"
            }
        }
        return owners
    }

    private static func read(_ path: String) -> String { KernelText.read(path) ?? "" }
}

extension KernelPart {
    /// Uses this part of the kernel in a way that leaves nothing behind; using it loads its module if the kernel can.
    fileprivate func tryOut() -> DataPlaneError? {
        do throws(DataPlaneError) {
            switch self {
            case .xfrm: _ = try NetlinkSocket(.xfrm)
            case .esp4: try Self.tryESP(.v4(0x7F00_0001))
            case .esp6: try Self.tryESP(.v6(high: 0, low: 1))
            case .l2tp: _ = try NetlinkSocket(.generic).resolve(L2TPMessages.familyName)
            case .pppol2tp: try Self.tryDescriptor(culvert_pppol2tp_socket(), "socket(PX_PROTO_OL2TP)")
            case .pppDevice: try Self.tryDescriptor(culvert_ppp_open(), "open(/dev/ppp)")
            case .nftables:
                _ = try PortShift(
                    table: "\(Ownership.tableName)-preflight-\(getpid())",
                    isActive: false,
                    clampsSegments: false
                )
            case .segmentSizes: if let refusal = PortShift.clampRefusal() { throw refusal }
            case .dummy: try Self.tryDummy()
            }
            return nil
        } catch {
            return error
        }
    }

    private static func tryDescriptor(_ descriptor: Int32, _ step: String) throws(DataPlaneError) {
        guard descriptor >= 0 else { throw DataPlaneError(step: step, code: -descriptor) }
        _ = close(descriptor)
    }

    /// Installs an association nobody uses, and removes it.
    private static func tryESP(_ address: IPAddress) throws(DataPlaneError) {
        let port = RequestID.privatePorts.lowerBound
        guard let spi = ESPSPI(rawValue: .random(in: 256 ... .max)) else { return }
        let association = SecurityAssociation(
            direction: .inbound,
            source: address,
            destination: address,
            spi: spi,
            requestID: RequestID(serial: .random(in: 1 ... .max), port: port),
            transform: ESPTransform(cipher: .aesCBC(keyBits: 128), integrity: .hmacSHA1_96),
            encryptionKey: SecretBytes(copying: (0..<16).map { _ in UInt8.random(in: 0 ... .max) }),
            integrityKey: SecretBytes(copying: (0..<20).map { _ in UInt8.random(in: 0 ... .max) }),
            encapsulation: nil
        )
        let xfrm = try NetlinkSocket(.xfrm)
        try xfrm.perform(XFRMMessages.install(association), step: "XFRM_MSG_NEWSA")
        try xfrm.perform(XFRMMessages.remove(association.id), step: "XFRM_MSG_DELSA")
    }

    /// Makes a device under a name of its own, and removes it.
    private static func tryDummy() throws(DataPlaneError) {
        let route = try NetlinkSocket(.route)
        let name = "cvtry\(UInt16.random(in: 0 ... .max))"
        try route.perform(RouteMessages.addDummy(name: name, isUp: false), step: "RTM_NEWLINK dummy")
        let index = culvert_interface_index(route.descriptor, name)
        try route.perform(RouteMessages.remove(index: Int(index)), step: "RTM_DELLINK dummy")
    }
}
