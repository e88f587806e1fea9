// SPDX-License-Identifier: Apache-2.0
package import DataPlane

/// Something on this machine that keeps the gateway from working, and how to mend it.
package struct PreflightProblem: Hashable, Sendable, CustomStringConvertible {
    /// One sentence without trailing period.
    package var what: String
    /// What to type, or what to do.
    package var command: String

    package init(what: String, command: String) {
        self.what = what
        self.command = command
    }

    package var description: String { "\(what); \(command)" }
}

/// Who holds a UDP port.
package struct PortHolder: Hashable, Sendable {
    package var port: UInt16
    package var inode: UInt64
    /// `charon (pid 812)`; `nil` if it is not to be found out.
    package var process: String?

    package init(port: UInt16, inode: UInt64, process: String? = nil) {
        self.port = port
        self.inode = inode
        self.process = process
    }
}

/// What the machine is like, as far as it matters to us.
package struct PreflightFacts: Hashable, Sendable {
    /// A part of the kernel we tried, and what it said.
    package struct Probe: Hashable, Sendable {
        package var part: KernelPart
        package var failure: DataPlaneError?

        package init(_ part: KernelPart, failure: DataPlaneError?) {
            self.part = part
            self.failure = failure
        }
    }

    package var hasNetAdmin = true
    /// The parts that were tried. Trying loads what the kernel can load by itself.
    package var probes: [Probe] = []
    /// Who holds the ports of IKE.
    package var portHolders: [PortHolder] = []
    package var isForwarding = true
    /// `net.ipv4.ip_local_port_range`
    package var ephemeralPorts: ClosedRange<UInt16> = 32_768...60_999
    /// `net.ipv4.ip_local_reserved_ports`
    package var reservedPorts: [ClosedRange<UInt16>] = []

    package init() {}
}

/// The parts of the kernel without which there is no gateway.
package enum KernelPart: String, CaseIterable, Hashable, Sendable {
    case xfrm
    case esp4
    case esp6
    case l2tp
    case pppol2tp
    case pppDevice
    case nftables
    case dummy
    /// The gateway does without it.
    case segmentSizes

    /// The modules to load.
    package var modules: String {
        switch self {
        case .xfrm: "xfrm_user"
        case .esp4: "esp4"
        case .esp6: "esp6"
        case .l2tp: "l2tp_netlink"
        case .pppol2tp: "l2tp_ppp"
        case .pppDevice: "ppp_generic"
        case .nftables: "nf_tables nft_xfrm nft_ct nft_objref"
        case .dummy: "dummy"
        case .segmentSizes: "nf_tables"
        }
    }

    package var purpose: String {
        switch self {
        case .xfrm: "IPsec over netlink"
        case .esp4: "ESP over IPv4"
        case .esp6: "ESP over IPv6"
        case .l2tp: "L2TP over netlink"
        case .pppol2tp: "PPP over L2TP"
        case .pppDevice: "PPP (/dev/ppp)"
        case .nftables: "nftables with IPsec expressions"
        case .dummy: "dummy devices"
        case .segmentSizes: "nftables rules that limit TCP segments to what fits into a tunnel"
        }
    }
}

package enum Preflight {
    package static let ikePorts: [UInt16] = [500, 4500]

    /// What is wrong with the machine, the gravest first; empty if nothing is.
    package static func problems(in facts: PreflightFacts) -> [PreflightProblem] {
        // Without the capability all else fails for this one reason.
        guard facts.hasNetAdmin else {
            return [
                PreflightProblem(
                    what: "the capability CAP_NET_ADMIN is missing",
                    command: "start culvertd by systemd or as root (sudo culvertd …)"
                )
            ]
        }
        return facts.probes.compactMap(problem) + portProblems(facts) + forwardingProblems(facts)
            + reservationProblems(facts)
    }

    private static func problem(_ probe: PreflightFacts.Probe) -> PreflightProblem? {
        guard let failure = probe.failure else { return nil }
        return PreflightProblem(
            what: "the kernel has no \(probe.part.purpose) (\(failure))",
            command: "modprobe -a \(probe.part.modules)"
        )
    }

    private static func portProblems(_ facts: PreflightFacts) -> [PreflightProblem] {
        ikePorts.compactMap { port in
            let holders = facts.portHolders.filter { $0.port == port }
            guard !holders.isEmpty else { return nil }
            var names: [String] = []
            for name in holders.compactMap(\.process) where !names.contains(name) { names.append(name) }
            let who = names.isEmpty ? "another program" : names.joined(separator: ", ")
            return PreflightProblem(
                what: "UDP port \(port) is in use by \(who)",
                command: stopCommand(for: names.first, port: port)
            )
        }
    }

    private static func stopCommand(for process: String?, port: UInt16) -> String {
        guard let process else { return "find it with: ss -ulpn 'sport = :\(port)'" }
        return OtherDaemons.stopCommand(for: String(process.prefix { $0 != " " })) ?? "stop \(process)"
    }

    private static func forwardingProblems(_ facts: PreflightFacts) -> [PreflightProblem] {
        facts.isForwarding ? [] : [noForwarding]
    }

    package static let noForwarding = PreflightProblem(
        what: "the kernel does not forward IPv4 packets, so peers would reach this machine only",
        command: "sysctl -w net.ipv4.ip_forward=1"
    )

    private static func reservationProblems(_ facts: PreflightFacts) -> [PreflightProblem] {
        let ours = RequestID.privatePorts
        let exposed = facts.ephemeralPorts.clamped(to: ours)
        guard facts.ephemeralPorts.overlaps(ours),
            exposed.contains(where: { port in !facts.reservedPorts.contains { $0.contains(port) } })
        else { return [] }
        let list = (facts.reservedPorts + [ours]).map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
        return [
            PreflightProblem(
                what: "the kernel may give the private ports \(ours.lowerBound)-\(ours.upperBound) to other programs",
                command: "sysctl -w net.ipv4.ip_local_reserved_ports=\(list)"
            )
        ]
    }
}
