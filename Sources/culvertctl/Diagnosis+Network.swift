// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Primitives
import Runtime

extension Diagnosis {
    // MARK: sysctl

    static func system(_ facts: DoctorFacts) -> [Finding] {
        forwarding(facts) + filters(facts) + ports(reservedIn: facts) + buffers(facts) + sizes(facts)
    }

    private static func forwarding(_ facts: DoctorFacts) -> [Finding] {
        guard let value = facts.machine.sysctls["net.ipv4.ip_forward"] else { return [] }
        let problem = Preflight.noForwarding
        return [
            value == "1"
                ? Finding(.ipForward, .ok, "the kernel forwards IPv4 packets")
                : Finding(.ipForward, .warning, problem.what, remedy: problem.command)
        ]
    }

    private static func filters(_ facts: DoctorFacts) -> [Finding] {
        let sysctls = facts.machine.sysctls
        let all = sysctls["net.ipv4.conf.all.rp_filter"].flatMap { Int($0) } ?? 0
        var findings = facts.outer.compactMap { interface -> Finding? in
            let own = sysctls["net.ipv4.conf.\(interface.name).rp_filter"].flatMap { Int($0) } ?? 0
            guard max(all, own) == 1 else { return nil }
            return Finding(
                .rpFilter,
                .warning,
                "\(interface.name) drops packets whose way back leads elsewhere (strict rp_filter): with two ways to the "
                    + "internet, calls fail",
                remedy: "sysctl -w net.ipv4.conf.\(interface.name).rp_filter=2"
            )
        }
        if findings.isEmpty { findings.append(Finding(.rpFilter, .ok, "rp_filter is not strict where peers come in")) }
        if sysctls["net.ipv4.conf.all.accept_redirects"] == "1" {
            findings.append(
                Finding(
                    .redirects,
                    .warning,
                    "this machine lets others change its routes (accept_redirects)",
                    remedy: "sysctl -w net.ipv4.conf.all.accept_redirects=0"
                )
            )
        } else {
            let sends = sysctls["net.ipv4.conf.all.send_redirects"] == "1"
            findings.append(
                Finding(
                    .redirects,
                    .ok,
                    sends
                        ? "redirects are not taken; they are sent, which calls never see: each has an interface of its own"
                        : "redirects are neither taken nor sent"
                )
            )
        }
        return findings
    }

    private static func ports(reservedIn facts: DoctorFacts) -> [Finding] {
        var ports = PreflightFacts()
        ports.ephemeralPorts = facts.preflight.ephemeralPorts
        ports.reservedPorts = facts.preflight.reservedPorts
        let problems = Preflight.problems(in: ports)
        guard problems.isEmpty else {
            return problems.map { Finding(.privatePorts, .warning, $0.what, remedy: $0.command) }
        }
        return [Finding(.privatePorts, .ok, "the ports that stand for peers are given to nobody else")]
    }

    private static func buffers(_ facts: DoctorFacts) -> [Finding] {
        let small = ["net.core.rmem_max", "net.core.wmem_max"].filter {
            (facts.machine.sysctls[$0].flatMap { Int($0) } ?? .max) < 212_992
        }
        guard let first = small.first else { return [Finding(.socketBuffers, .ok, "sockets may have large buffers")] }
        return [
            Finding(
                .socketBuffers,
                .warning,
                "\(small.joined(separator: " and ")) \(small.count == 1 ? "is" : "are") below the kernel's default",
                remedy: "sysctl -w \(first)=212992" + (small.count > 1 ? " \(small[1])=212992" : "")
            )
        ]
    }

    private static func sizes(_ facts: DoctorFacts) -> [Finding] {
        let calls = facts.gateway?.calls ?? DoctorFacts.Gateway().calls
        var findings: [Finding] = []
        if let backlog = facts.machine.sysctls["net.core.netdev_max_backlog"].flatMap({ Int($0) }) {
            findings.append(
                calls < 1000 || backlog >= 4096
                    ? Finding(.backlog, .ok, "\(backlog) packets may wait for each processor")
                    : Finding(
                        .backlog,
                        .warning,
                        "\(backlog) packets may wait for each processor, and \(calls) calls share them",
                        remedy: "sysctl -w net.core.netdev_max_backlog=8192"
                    )
            )
        }
        if let most = facts.machine.sysctls["net.netfilter.nf_conntrack_max"].flatMap({ Int($0) }) {
            findings.append(
                most >= 16 * calls
                    ? Finding(.conntrack, .ok, "\(most) connections are tracked at most")
                    : Finding(
                        .conntrack,
                        .warning,
                        "\(most) connections are tracked at most: fewer than 16 for each of \(calls) calls",
                        remedy: "sysctl -w net.netfilter.nf_conntrack_max=\(64 * calls)"
                    )
            )
        } else {
            findings.append(Finding(.conntrack, .ok, "connections are not tracked, or it cannot be seen here"))
        }
        if let limit = facts.machine.fileLimit {
            if let problem = StartChecks.fileLimit(limit, calls: calls) {
                let isDaemon = facts.machine.isFileLimitOfDaemon
                findings.append(
                    Finding(
                        .fileLimit,
                        .warning,
                        isDaemon ? problem.message : "\(problem.message), unless the unit of culvertd allows more",
                        remedy: problem.remedy
                    )
                )
            } else {
                findings.append(Finding(.fileLimit, .ok, "\(limit) open files are allowed, enough for \(calls) calls"))
            }
        }
        return findings
    }

    // MARK: MTU

    static func mtu(_ facts: DoctorFacts) -> [Finding] {
        var findings: [Finding] = []
        let outer = facts.outer
        if outer.isEmpty {
            findings.append(
                Finding(
                    .outerInterface,
                    .warning,
                    "no interface that is up has a default route or an address of gateway.listen",
                    remedy: "ip address show; ip route show default"
                )
            )
        }
        let assumed = facts.gateway?.outerMTU ?? 1500
        for interface in outer {
            guard let mtu = interface.mtu else { continue }
            if mtu < assumed {
                findings.append(
                    Finding(
                        .outerMTU,
                        .warning,
                        "\(interface.name) carries packets of \(mtu) bytes, and gateway.outer-mtu says \(assumed): those of "
                            + "calls go out in fragments, or not at all",
                        remedy: "outer-mtu: \(mtu) under gateway in \(facts.configuration), then: culvertctl reload"
                    )
                )
            } else {
                findings.append(Finding(.outerMTU, .ok, "\(interface.name) carries packets of \(mtu) bytes"))
            }
        }
        let discovery = facts.machine.sysctls["net.ipv4.ip_no_pmtu_disc"] ?? "0"
        findings.append(
            discovery == "0"
                ? Finding(.pmtuDiscovery, .ok, "the kernel discovers path MTUs")
                : Finding(
                    .pmtuDiscovery,
                    .warning,
                    "the kernel does not discover path MTUs (ip_no_pmtu_disc is \(discovery))",
                    remedy: "sysctl -w net.ipv4.ip_no_pmtu_disc=0"
                )
        )
        let probing = facts.machine.sysctls["net.ipv4.tcp_mtu_probing"] ?? "0"
        findings.append(
            Finding(
                .mtuProbing,
                .ok,
                probing == "0"
                    ? "this machine's own TCP does not probe for MTUs; where ICMP is lost, net.ipv4.tcp_mtu_probing=1 helps it"
                    : "this machine's own TCP finds MTUs where ICMP is lost"
            )
        )
        return findings
    }

    // MARK: Firewall

    static func firewall(_ facts: DoctorFacts) -> [Finding] {
        var findings: [Finding] = []
        switch facts.filter {
        case .unseen(let why):
            findings.append(
                Finding(
                    .firewallUnseen,
                    .warning,
                    "the packet filter cannot be read (\(why)), so it cannot be told what it lets through",
                    remedy: facts.machine.isRoot ? "apt-get install nftables" : "sudo culvertctl doctor"
                )
            )
        case .chains(0):
            findings.append(Finding(.firewallIKE, .ok, "no nftables rules of others see what comes in"))
        case .chains(let count):
            findings.append(
                Finding(
                    .firewallUnseen,
                    .warning,
                    "\(count) nftables chains see what comes in, and without nft(8) it cannot be told what they let through",
                    remedy: "apt-get install nftables"
                )
            )
        case .rules(let rules):
            findings += judge(rules, facts)
        }
        return findings + legacy(facts)
    }

    private static func judge(_ rules: FirewallRules, _ facts: DoctorFacts) -> [Finding] {
        var families: [Int] = []
        let listen = facts.gateway?.listen ?? [.v4(0)]
        if listen.contains(where: \.isV4) { families.append(4) }
        if listen.contains(where: { !$0.isV4 }) { families.append(6) }
        let interface = facts.outer.count == 1 ? facts.outer.first?.name : nil
        func packets(_ proto: String, _ port: Int?, ipsec: Bool = false) -> [FirewallRules.Packet] {
            families.map { family in
                var packet = FirewallRules.Packet(family: family, proto: proto, port: port)
                packet.interface = interface
                packet.cameThroughIPsec = ipsec
                return packet
            }
        }
        var findings = [
            judge(rules, packets("udp", 500) + packets("udp", 4500), .firewallIKE, "IKE (UDP 500 and 4500)") {
                "nft insert rule \($0.place) udp dport '{ 500, 4500 }' accept"
            },
            judge(rules, packets("esp", nil), .firewallESP, "ESP") {
                "nft insert rule \($0.place) meta l4proto esp accept"
            },
            // Our own table changes the port later than any filter looks at it.
            judge(rules, packets("udp", 1701, ipsec: true), .firewallL2TP, "L2TP from inside IPsec") {
                "nft insert rule \($0.place) meta secpath exists udp dport 1701 accept"
            },
        ]
        var forwarded = FirewallRules.Packet(family: 4, proto: "tcp")
        forwarded.interface = "cv0"
        forwarded.source = facts.gateway?.pools.first?.range.address
        findings.append(
            judge(rules, [forwarded], .firewallForward, "what callers send on", hook: "forward") {
                "nft insert rule \($0.place) iifname 'cv*' accept; nft insert rule \($0.place) oifname 'cv*' accept"
            }
        )
        let pools = (facts.gateway?.pools ?? []).map { "\($0.range)" }
        guard !pools.isEmpty else { return findings }
        findings.append(
            Finding(
                .firewallNAT,
                .ok,
                rules.translatesSources
                    ? "there is a rule that translates source addresses; whether it is for the pools is not judged"
                    : "no rule translates the pools' addresses: machines beyond this one need a route back to "
                        + pools.joined(separator: ", ")
            )
        )
        return findings
    }

    private static func judge(
        _ rules: FirewallRules,
        _ packets: [FirewallRules.Packet],
        _ id: Finding.ID,
        _ what: String,
        hook: String = "input",
        remedy: (FirewallRules.Chain) -> String
    ) -> Finding {
        var doubtful: FirewallRules.Chain?
        for packet in packets {
            switch rules.decide(packet, at: hook) {
            case .accepted: continue
            case .perhaps(let chain): doubtful = doubtful ?? chain
            case .refused(let chain):
                return Finding(
                    id,
                    .failure,
                    "the nftables chain '\(chain.place)' drops \(what)",
                    remedy: remedy(chain)
                )
            }
        }
        guard let doubtful else { return Finding(id, .ok, "no nftables chain drops \(what)") }
        return Finding(
            id,
            .ok,
            "cannot tell whether the nftables chain '\(doubtful.place)' drops \(what): it asks for more than is known here"
        )
    }

    private static func legacy(_ facts: DoctorFacts) -> [Finding] {
        guard let text = facts.legacyInput else { return [] }
        let lines = text.split(separator: "\n")
        let drops = lines.contains { $0.hasPrefix("-P INPUT DROP") || $0.hasPrefix("-P INPUT REJECT") }
        let mightAccept = lines.contains { line in
            guard line.hasPrefix("-A INPUT"), !line.contains(" -i lo ") else { return false }
            let isForEstablished = line.contains("state RELATED,ESTABLISHED") || line.contains("state ESTABLISHED")
            let isForOthers = line.contains(" -p tcp ") || line.contains(" -p icmp ")
            return !isForEstablished && !isForOthers && !line.contains(" -j DROP") && !line.contains(" -j REJECT")
        }
        guard drops, !mightAccept else {
            return [Finding(.firewallLegacy, .ok, "the rules of iptables-legacy are not known to drop IKE")]
        }
        return [
            Finding(
                .firewallLegacy,
                .failure,
                "iptables-legacy drops what comes in, and no rule of its lets UDP 500 and 4500 through",
                remedy: "iptables-legacy -I INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT; "
                    + "iptables-legacy -I INPUT -p esp -j ACCEPT; iptables-legacy -I INPUT -m policy --dir in --pol ipsec -j ACCEPT"
            )
        ]
    }
}
