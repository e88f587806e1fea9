// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernel
import Primitives
import Runtime
import Testing

@testable import DataPlane
@testable import culvertctl

extension DoctorFacts {
    /// A machine on which nothing is wrong.
    fileprivate static var healthy: DoctorFacts {
        var facts = DoctorFacts()
        facts.preflight.probes = KernelPart.allCases.map { .init($0, failure: nil) }
        var eth0 = MachineFacts.Interface("eth0")
        eth0.mtu = 1500
        eth0.addresses = [.init(.v4(0xC000_0201), length: 24)]
        eth0.features = ["rx-gro": true, "esp-hw-offload": false]
        facts.machine.interfaces = [eth0]
        facts.machine.defaultInterfaces = ["eth0"]
        facts.machine.sysctls = [
            "net.ipv4.ip_forward": "1", "net.core.netdev_max_backlog": "8192", "net.core.rmem_max": "212992",
        ]
        facts.machine.isClockSynchronised = true
        facts.machine.now = WallClockTime(milliseconds: 1_795_000_000_000)
        facts.machine.cpuFlags = ["aes", "avx"]
        facts.machine.cryptoDrivers = ["cbc-aes-aesni", "aes-generic"]
        facts.machine.associations = .init(count: 4, offloaded: 0)
        facts.machine.fileLimit = 262_144
        facts.gateway = Gateway(
            calls: 4000,
            pools: [
                Pool(name: "office", range: IPPrefix("10.99.0.0/20")!, gateway: .v4(0x0A63_0001))
            ]
        )
        return facts
    }

    fileprivate func with(_ change: (inout DoctorFacts) -> Void) -> DoctorFacts {
        var facts = self
        change(&facts)
        return facts
    }

    fileprivate func sysctl(_ name: String, _ value: String) -> DoctorFacts {
        with { $0.machine.sysctls[name] = value }
    }
}

/// What `nft -j list ruleset` prints, from the parts that matter.
private func ruleset(_ entries: String) -> FirewallRules {
    FirewallRules(json: Array("{\"nftables\": [{\"metainfo\": {}}, \(entries)]}".utf8)) ?? FirewallRules()
}

private func chain(
    named name: String = "input",
    hook: String? = "input",
    policy: String = "drop",
    family: String = "inet",
    _ rules: String...
) -> String {
    let base = hook.map { ", \"type\": \"filter\", \"hook\": \"\($0)\", \"prio\": 0, \"policy\": \"\(policy)\"" } ?? ""
    let place = "\"family\": \"\(family)\", \"table\": \"filter\""
    return
        (["{\"chain\": {\(place), \"name\": \"\(name)\"\(base)}}"]
        + rules.map { "{\"rule\": {\(place), \"chain\": \"\(name)\", \"expr\": [\($0)]}}" }).joined(separator: ", ")
}

private let accept = "{\"accept\": null}"
private let drop = "{\"drop\": null}"
private func udp(_ right: String) -> String {
    "{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"udp\", \"field\": \"dport\"}}, \"right\": \(right)}}"
}
private func field(_ proto: String, _ name: String, _ op: String, _ right: String) -> String {
    "{\"match\": {\"op\": \"\(op)\", \"left\": {\"payload\": {\"protocol\": \"\(proto)\", \"field\": \"\(name)\"}}, "
        + "\"right\": \(right)}}"
}
private func meta(_ key: String, _ right: String) -> String {
    "{\"match\": {\"op\": \"==\", \"left\": {\"meta\": {\"key\": \"\(key)\"}}, \"right\": \(right)}}"
}
private let established = """
    {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}
    """
private let fromBlocked = """
    {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@blocked"}}
    """

@Suite("The doctor judges")
struct DoctorTests {
    @Test
    func `A healthy machine has nothing but right findings`() {
        let findings = Diagnosis.findings(in: .healthy)
        #expect(findings.filter { $0.level != .ok } == [])
        #expect(Set(findings.map(\.area)) == Set(Finding.Area.allCases))
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var id: Finding.ID
        var level: Finding.Level
        var facts: DoctorFacts
        var found: String
        var remedy: String?

        init(_ id: Finding.ID, _ level: Finding.Level, _ facts: DoctorFacts, _ found: String, _ remedy: String?) {
            self.id = id
            self.level = level
            self.facts = facts
            self.found = found
            self.remedy = remedy
        }

        var testDescription: String { found }
    }

    private static func eth1(_ address: IPAddress) -> MachineFacts.Interface {
        var interface = MachineFacts.Interface("eth1")
        interface.addresses = [.init(address, length: 8)]
        return interface
    }

    static let cases: [Case] = [
        Case(
            .kernelUnseen,
            .warning,
            .healthy.with { $0.preflight.hasNetAdmin = false },
            "what the kernel has could not be tried without CAP_NET_ADMIN",
            "sudo culvertctl doctor"
        ),
        Case(
            .kernelPart,
            .failure,
            .healthy.with {
                $0.preflight.probes[4] = .init(.pppol2tp, failure: DataPlaneError(step: "socket", code: 93))
            },
            "the kernel has no PPP over L2TP (socket: errno 93)",
            "modprobe -a l2tp_ppp"
        ),
        Case(
            .kernelPart,
            .warning,
            .healthy.with {
                for index in $0.preflight.probes.indices where $0.preflight.probes[index].part == .segmentSizes {
                    $0.preflight.probes[index] = .init(.segmentSizes, failure: DataPlaneError(step: "rule", code: 95))
                }
            },
            "the kernel has no ",
            "modprobe -a nf_tables"
        ),
        Case(
            .ipForward,
            .warning,
            .healthy.sysctl("net.ipv4.ip_forward", "0"),
            "the kernel does not forward IPv4",
            "sysctl -w net.ipv4.ip_forward=1"
        ),
        Case(
            .rpFilter,
            .warning,
            .healthy.sysctl("net.ipv4.conf.all.rp_filter", "1"),
            "eth0 drops packets whose way back",
            "sysctl -w net.ipv4.conf.eth0.rp_filter=2"
        ),
        Case(
            .rpFilter,
            .warning,
            .healthy.sysctl("net.ipv4.conf.eth0.rp_filter", "1"),
            "eth0 drops packets whose way back",
            "sysctl -w net.ipv4.conf.eth0.rp_filter=2"
        ),
        Case(
            .redirects,
            .warning,
            .healthy.sysctl("net.ipv4.conf.all.accept_redirects", "1"),
            "this machine lets others",
            "sysctl -w net.ipv4.conf.all.accept_redirects=0"
        ),
        Case(
            .privatePorts,
            .warning,
            .healthy.with { $0.preflight.ephemeralPorts = 1024...65_535 },
            "the kernel may give the private ports",
            "sysctl -w net.ipv4.ip_local_reserved_ports=16384-32767"
        ),
        Case(
            .socketBuffers,
            .warning,
            .healthy.sysctl("net.core.rmem_max", "4096").sysctl("net.core.wmem_max", "4096"),
            "net.core.rmem_max and net.core.wmem_max are below",
            "sysctl -w net.core.rmem_max=212992 net.core.wmem_max=212992"
        ),
        Case(
            .backlog,
            .warning,
            .healthy.sysctl("net.core.netdev_max_backlog", "1000"),
            "1000 packets may wait for each processor, and 4000 calls share them",
            "sysctl -w net.core.netdev_max_backlog=8192"
        ),
        Case(
            .conntrack,
            .warning,
            .healthy.sysctl("net.netfilter.nf_conntrack_max", "8192"),
            "8192 connections are tracked",
            "sysctl -w net.netfilter.nf_conntrack_max=256000"
        ),
        Case(
            .fileLimit,
            .warning,
            .healthy.with {
                $0.machine.fileLimit = 1024
                $0.machine.isFileLimitOfDaemon = true
            },
            "1024 open files are allowed: enough for 224 calls of 4000",
            "LimitNOFILE=16128 in the unit of culvertd, or ulimit -n 16128"
        ),
        Case(
            .outerMTU,
            .warning,
            .healthy.with { $0.machine.interfaces[0].mtu = 1492 },
            "eth0 carries packets of 1492 bytes, and gateway.outer-mtu says 1500",
            "outer-mtu: 1492 under gateway in /etc/culvert/culvert.yaml, then: culvertctl reload"
        ),
        Case(
            .outerInterface,
            .warning,
            .healthy.with { $0.machine.defaultInterfaces = [] },
            "no interface that is up",
            "ip address show; ip route show default"
        ),
        Case(
            .pmtuDiscovery,
            .warning,
            .healthy.sysctl("net.ipv4.ip_no_pmtu_disc", "1"),
            "the kernel does not discover",
            "sysctl -w net.ipv4.ip_no_pmtu_disc=0"
        ),
        Case(
            .clockSync,
            .warning,
            .healthy.with { $0.machine.isClockSynchronised = false },
            "nothing keeps the clock right",
            "timedatectl set-ntp true"
        ),
        Case(
            .clockYear,
            .failure,
            .healthy.with { $0.machine.now = WallClockTime(milliseconds: 0) },
            "the clock says 1970-01-01T00:00:00.000Z, which cannot be",
            "timedatectl set-ntp true"
        ),
        Case(
            .nicGRO,
            .warning,
            .healthy.with { $0.machine.interfaces[0].features["rx-gro"] = false },
            "eth0 does not gather received packets",
            "ethtool -K eth0 gro on"
        ),
        Case(
            .nicOffload,
            .ok,
            .healthy.with { $0.machine.interfaces[0].features["esp-hw-offload"] = true },
            "eth0 has esp-hw-offload",
            nil
        ),
        Case(.saOffload, .ok, .healthy, "0 of 4 security associations are offloaded to a device", nil),
        Case(
            .saOffload,
            .warning,
            .healthy.with { $0.machine.associations = nil },
            "the kernel's security associations could",
            "sudo culvertctl doctor"
        ),
        Case(
            .cpuCrypto,
            .warning,
            .healthy.with { $0.machine.cpuFlags = ["sse2"] },
            "the processor has no AES instructions",
            "in a virtual machine, pass the host's processor through (-cpu host)"
        ),
        Case(
            .cpuCrypto,
            .warning,
            .healthy.with { $0.machine.cryptoDrivers = ["cbc(aes-generic)"] },
            "the processor has AES instructions, but",
            "modprobe aesni_intel (x86), or modprobe aes_ce_blk (ARM)"
        ),
        Case(
            .otherDaemon,
            .failure,
            .healthy.with { $0.machine.programs = ["xl2tpd"] },
            "xl2tpd runs",
            "systemctl disable --now xl2tpd"
        ),
        Case(
            .otherDaemon,
            .warning,
            .healthy.with { $0.machine.enabledUnits = ["ipsec.service"] },
            "ipsec.service is started at the next boot",
            "systemctl disable ipsec.service"
        ),
        Case(
            .ikePorts,
            .failure,
            .healthy.with { $0.preflight.portHolders = [.init(port: 500, inode: 1, process: "charon (pid 8)")] },
            "UDP port 500 is in use by charon (pid 8)",
            "systemctl disable --now strongswan strongswan-starter"
        ),
        Case(
            .ikePorts,
            .warning,
            .healthy.with {
                $0.preflight.portHolders = [.init(port: 500, inode: 1)]
                $0.daemon = .silent(Problem("no", remedy: nil))
            },
            "UDP 500 or 4500 is taken",
            "sudo ss -ulpn 'sport = :500 or sport = :4500'"
        ),
        Case(
            .configuration,
            .failure,
            .healthy.with {
                $0.gateway = nil
                $0.mistakes = ["gw.yaml:1:1: error: a", "b"]
            },
            "the configuration is not usable: gw.yaml:1:1: error: a (and 1 more)",
            "culvertd --config /etc/culvert/culvert.yaml --check"
        ),
        Case(
            .configuration,
            .warning,
            .healthy.with {
                $0.gateway = nil
                $0.hiding = .fromThisUser
            },
            "/etc/culvert/culvert.yaml, or a file that it names, may not be read",
            "sudo culvertctl doctor"
        ),
        Case(
            .configuration,
            .warning,
            .healthy.with {
                $0.gateway = nil
                $0.hiding = .credentials
            },
            "/etc/culvert/culvert.yaml names secrets that systemd hands to culvertd",
            "sudo CREDENTIALS_DIRECTORY=/run/credentials/culvertd.service culvertctl doctor"
        ),
        Case(
            .configuration,
            .warning,
            .healthy.with { $0.warnings = ["a short key"] },
            "a short key",
            "culvertd --config /etc/culvert/culvert.yaml --check"
        ),
        Case(
            .users,
            .warning,
            .healthy.with { $0.gateway?.users = 0 },
            "no user may dial in",
            "add one to the users file, then: culvertctl reload"
        ),
        Case(
            .daemon,
            .warning,
            .healthy.with { $0.daemon = .silent(Problem("it is not running", remedy: nil)) },
            "it is not running",
            "systemctl status culvertd"
        ),
        Case(
            .daemonVersion,
            .warning,
            .healthy.with { $0.daemon = .answers(version: "0.0.1") },
            "culvertd is of version 0.0.1, culvertctl of \(Runtime.Daemon.version)",
            "systemctl restart culvertd"
        ),
        Case(
            .poolOverlap,
            .failure,
            .healthy.with { $0.machine.interfaces.append(eth1(.v4(0x0A63_0005))) },
            "the pool office (10.99.0.0/20) covers 10.99.0.5/8 of eth1",
            "take another range for the pool in /etc/culvert/culvert.yaml, then: culvertctl reload"
        ),
        Case(
            .poolOverlap,
            .warning,
            .healthy.with { $0.machine.interfaces.append(eth1(.v4(0x0A00_0001))) },
            "the pool office (10.99.0.0/20) lies in the network of 10.0.0.1/8 of eth1",
            "take another range for the pool in /etc/culvert/culvert.yaml, then: culvertctl reload"
        ),
        Case(
            .firewallIKE,
            .failure,
            .healthy.with { $0.filter = .rules(ruleset(chain(established + ", " + accept))) },
            "the nftables chain 'inet filter input' drops IKE (UDP 500 and 4500)",
            "nft insert rule inet filter input udp dport '{ 500, 4500 }' accept"
        ),
        Case(
            .firewallESP,
            .failure,
            .healthy.with { $0.filter = .rules(ruleset(chain(udp("{\"set\": [500, 4500]}") + ", " + accept))) },
            "the nftables chain 'inet filter input' drops ESP",
            "nft insert rule inet filter input meta l4proto esp accept"
        ),
        Case(
            .firewallL2TP,
            .failure,
            .healthy.with { $0.filter = .rules(ruleset(chain(udp("{\"range\": [500, 1700]}") + ", " + accept))) },
            "the nftables chain 'inet filter input' drops L2TP from inside IPsec",
            "nft insert rule inet filter input meta secpath exists udp dport 1701 accept"
        ),
        Case(
            .firewallForward,
            .failure,
            .healthy.with {
                $0.filter = .rules(ruleset(chain(named: "forward", hook: "forward", established + ", " + accept)))
            },
            "the nftables chain 'inet filter forward' drops what callers send on",
            "nft insert rule inet filter forward iifname 'cv*' accept; nft insert rule inet filter forward oifname 'cv*' "
                + "accept"
        ),
        Case(.firewallNAT, .ok, .healthy, "no rule translates the pools' addresses", nil),
        Case(
            .firewallUnseen,
            .warning,
            .healthy.with { $0.filter = .unseen("nft(8) is not installed") },
            "the packet filter cannot be read (nft(8) is not installed)",
            "apt-get install nftables"
        ),
        Case(
            .firewallUnseen,
            .warning,
            .healthy.with { $0.filter = .chains(2) },
            "2 nftables chains see what comes in",
            "apt-get install nftables"
        ),
        Case(
            .firewallLegacy,
            .failure,
            .healthy.with {
                $0.legacyInput =
                    "-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
            },
            "iptables-legacy drops what comes in",
            "iptables-legacy -I INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT; iptables-legacy -I INPUT -p esp -j "
                + "ACCEPT; iptables-legacy -I INPUT -m policy --dir in --pol ipsec -j ACCEPT"
        ),
        Case(
            .firewallLegacy,
            .ok,
            .healthy.with { $0.legacyInput = "-P INPUT DROP\n-A INPUT -j MYCHAIN\n" },
            "the rules of iptables-legacy are not known to drop IKE",
            nil
        ),
    ]

    @Test(arguments: cases)
    func judges(_ test: Case) {
        let findings = Diagnosis.findings(in: test.facts)
        let finding = findings.first { $0.id == test.id && $0.level == test.level }
        #expect(finding?.found.hasPrefix(test.found) == true, "\(findings.filter { $0.id == test.id })")
        #expect(finding?.remedy == test.remedy)
        #expect(finding?.area == test.id.area)
    }

    @Test
    func `Every finding that is not right has a remedy and a case here`() {
        for test in Self.cases {
            for finding in Diagnosis.findings(in: test.facts) where finding.level != .ok {
                #expect(finding.remedy?.isEmpty == false, "\(finding)")
            }
        }
        let informative: Set<Finding.ID> = [.mtuProbing]
        #expect(Set(Self.cases.map(\.id)).union(informative) == Set(Finding.ID.allCases))
    }

    @Test
    func `Its own ports and devices are no findings while culvertd runs`() {
        let facts = DoctorFacts.healthy.with { facts in
            facts.preflight.portHolders = [
                .init(port: 500, inode: 1, process: "culvertd (pid 812)"),
                .init(port: 4500, inode: 2, process: "systemd (pid 1)"),
            ]
            var own = MachineFacts.Interface("culvert0")
            own.addresses = [.init(.v4(0x0A63_0001), length: 32)]
            facts.machine.interfaces.append(own)
            facts.machine.interfaces.append(MachineFacts.Interface("cv12"))
        }
        #expect(Diagnosis.findings(in: facts).filter { $0.level != .ok } == [])
        // Without root it cannot be seen whose the ports are, but culvertd answers.
        let unseen = DoctorFacts.healthy.with { $0.preflight.portHolders = [.init(port: 500, inode: 1)] }
        #expect(Diagnosis.findings(in: unseen).filter { $0.level != .ok } == [])
    }

    // MARK: The firewall

    @Test(
        "No alarm about a firewall that lets them in, or that is not understood",
        arguments: [
            chain(policy: "accept"),
            chain(
                udp("500") + ", " + accept,
                udp("4500") + ", " + accept,
                meta("l4proto", "\"esp\"") + ", " + accept,
                meta("secpath", "true") + ", " + accept
            ),
            // Jumped to.
            chain(named: "ipsec", hook: nil, accept) + ", " + chain("{\"jump\": {\"target\": \"ipsec\"}}"),
            // A list of enemies before it.
            chain(fromBlocked + ", " + drop, accept),
            // Something of xtables, a limit, a named set: who knows.
            chain("{\"xt\": null}, " + accept), chain("{\"limit\": {\"rate\": 5}}, " + accept),
            chain(fromBlocked + ", " + accept),
            chain("{\"queue\": {}}"),
            // What culvertctl firewall prints for it.
            chain(
                udp("{\"set\": [500, 4500]}") + ", " + accept,
                meta("l4proto", "\"esp\"") + ", " + accept,
                meta("ipsec", "true") + ", " + udp("1701") + ", " + accept
            ),
            // Not for protocols that are not ours, however it is put.
            chain(policy: "accept", field("tcp", "dport", "!=", "22") + ", " + drop),
            chain(policy: "accept", field("icmp", "type", "!=", "\"echo-request\"") + ", " + drop),
            chain(policy: "accept", field("ip6", "saddr", "!=", "\"fe80::1\"") + ", " + drop),
            // Drops for others only.
            chain(policy: "accept", meta("l4proto", "\"tcp\"") + ", " + drop),
            chain(policy: "accept", meta("iifname", "\"lo\"") + ", " + drop),
            chain(policy: "accept", family: "arp", drop),
        ]
    )
    func calm(_ chains: String) {
        let facts = DoctorFacts.healthy.with { $0.filter = .rules(ruleset(chains)) }
        #expect(Diagnosis.findings(in: facts).filter { $0.area == .firewall && $0.level != .ok } == [])
    }

    @Test(
        "A firewall that drops IKE is found however it does so",
        arguments: [
            chain(), chain(policy: "accept", drop), chain(policy: "accept", "{\"counter\": {}}, {\"reject\": {}}"),
            chain(policy: "accept", udp("500") + ", " + drop),
            chain(meta("iifname", "\"lo\"") + ", " + accept), chain(udp("1701") + ", " + accept),
            chain(meta("iifname", "\"eth1\"") + ", " + accept), chain(family: "ip"),
            chain(
                policy: "accept",
                """
                {"vmap": {"key": {"payload": {"protocol": "udp", "field": "dport"}}, \
                "data": {"set": [[500, {"drop": null}]]}}}
                """
            ),
            chain(named: "inner", hook: nil, "{\"return\": null}", accept) + ", "
                + chain("{\"jump\": {\"target\": \"inner\"}}"),
            // What is said of TCP lets no UDP in.
            chain(field("tcp", "dport", "!=", "22") + ", " + accept),
            // The end of what was gone to is the end.
            chain(named: "inner", hook: nil, udp("22") + ", " + accept) + ", "
                + chain("{\"goto\": {\"target\": \"inner\"}}", accept),
            // Another chain at the same hook.
            chain(policy: "accept") + ", " + chain(named: "other", udp("22") + ", " + accept),
        ]
    )
    func alarm(_ chains: String) {
        let facts = DoctorFacts.healthy.with { $0.filter = .rules(ruleset(chains)) }
        #expect(Diagnosis.findings(in: facts).contains { $0.id == .firewallIKE && $0.level == .failure })
    }

    @Test(
        "A firewall that drops L2TP after decryption is found",
        arguments: [
            udp("1701") + ", " + drop,
            "{\"match\": {\"op\": \"in\", \"left\": {\"ct\": {\"key\": \"state\"}}, \"right\": [\"untracked\"]}}, "
                + drop,
        ]
    )
    func dropsL2TP(_ rule: String) {
        let facts = DoctorFacts.healthy.with { $0.filter = .rules(ruleset(chain(policy: "accept", rule))) }
        let found = Diagnosis.findings(in: facts).filter { $0.level != .ok }
        #expect(found.map(\.id) == [.firewallL2TP])
    }

    @Test
    func `The gateway's own address in a pool is no overlap`() {
        var own = MachineFacts.Interface("dummy0")
        own.addresses = [.init(.v4(0x0A63_0001), length: 32)]
        let facts = DoctorFacts.healthy.with { $0.machine.interfaces.append(own) }
        #expect(Diagnosis.findings(in: facts).filter { $0.id == .poolOverlap && $0.level != .ok } == [])
    }

    @Test
    func `Chains that call each other for ever are given up`() {
        let rules = ruleset(
            chain(named: "a", hook: nil, "{\"jump\": {\"target\": \"a\"}}") + ", "
                + chain("{\"jump\": {\"target\": \"a\"}}")
        )
        guard case .perhaps = rules.decide(.init(proto: "udp", port: 500), at: "input") else {
            Issue.record("\(rules.decide(.init(proto: "udp", port: 500), at: "input"))")
            return
        }
    }

    @Test
    func `What is no output of nft is no rule set`() {
        for text in ["", "{}", "[]", "{\"nftables\": 3}", "nft: not found"] {
            #expect(FirewallRules(json: Array(text.utf8)) == nil)
        }
        #expect(FirewallRules(json: Array("{\"nftables\": [3, {\"rule\": {}}, {\"chain\": []}]}".utf8))?.chains == [])
    }

    // MARK: Gathering, and the page

    @Test
    func `Looking at this machine fails for no user`() {
        let facts = DoctorFacts.gather(
            configuration: "/nowhere/culvert.yaml",
            client: ControlClient(path: "/nowhere/x")
        )
        let report = DoctorReport(Diagnosis.findings(in: facts))
        #expect(report.findings.contains { $0.id == .configuration && $0.level == .failure })
        #expect(report.findings.contains { $0.id == .daemon && $0.level == .warning })
        #expect(facts.machine.interfaces.contains { $0.isLoopback })
        #expect(!render(report, all: true).isEmpty)
    }

    @Test
    func `The page explains every finding, and nothing else`() throws {
        let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
        let page = try String(contentsOfFile: "\(root)/Docs/Doctor.md", encoding: .utf8)
        let titles = page.split(separator: "\n").filter { $0.hasPrefix("### ") }.map { String($0.dropFirst(4)) }
        #expect(Set(titles) == Set(Finding.ID.allCases.map(\.rawValue)))
        #expect(titles.count == Finding.ID.allCases.count)
    }

    @Test
    func `What is printed begins with the gravest, and fits`() {
        let facts = DoctorFacts.healthy.sysctl("net.ipv4.ip_forward", "0").with {
            $0.filter = .rules(ruleset(chain(policy: "accept", udp("500") + ", " + drop)))
        }
        let report = DoctorReport(Diagnosis.findings(in: facts))
        #expect(report.failures == 1)
        #expect(report.warnings == 1)
        let lines = render(report, all: false).split(separator: "\n").map(String.init)
        let first = "failure  firewall-ike:      the nftables chain 'inet filter input' drops"
        #expect(lines.first?.hasPrefix(first) == true)
        #expect(
            lines.contains(
                "warning  ip-forward:        the kernel does not forward IPv4 packets, so peers would reach this"
            )
        )
        #expect(lines.contains("                            => sysctl -w net.ipv4.ip_forward=1"))
        #expect(lines.last?.hasPrefix("1 failure, 1 warning, ") == true)
        #expect(lines.allSatisfy { $0.count <= 100 })
        #expect(render(DoctorReport([]), all: true) == "no failures, no warnings, 0 right\n")
    }
}
