// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Primitives
import Runtime

/// What the doctor makes of what was found: facts in, findings out, nothing else.
enum Diagnosis {
    /// In the order of the areas, and within one as they matter.
    static func findings(in facts: DoctorFacts) -> [Finding] {
        kernel(facts) + system(facts) + firewall(facts) + mtu(facts) + clock(facts) + offload(facts) + crypto(facts)
            + rivals(facts) + configuration(facts) + daemon(facts) + addresses(facts)
    }

    // MARK: Kernel

    private static func kernel(_ facts: DoctorFacts) -> [Finding] {
        guard facts.preflight.hasNetAdmin else {
            return [
                Finding(
                    .kernelUnseen,
                    .warning,
                    "what the kernel has could not be tried without CAP_NET_ADMIN",
                    remedy: "sudo culvertctl doctor"
                )
            ]
        }
        let missing = facts.preflight.probes.filter { $0.failure != nil }
        guard !missing.isEmpty else { return [Finding(.kernelPart, .ok, "the kernel has every part that is needed")] }
        return missing.map { probe in
            Finding(
                .kernelPart,
                // Without that calls work.
                probe.part == .segmentSizes ? .warning : .failure,
                "the kernel has no \(probe.part.purpose) (\(probe.failure.map { "\($0)" } ?? ""))",
                remedy: "modprobe -a \(probe.part.modules)"
            )
        }
    }

    // MARK: Clock

    /// The year this was written in began then.
    private static let earliest = Int64(1_767_225_600_000)
    private static let latest = Int64(4_102_444_800_000)

    private static func clock(_ facts: DoctorFacts) -> [Finding] {
        let now = facts.machine.now
        let year =
            (earliest..<latest).contains(now.milliseconds)
            ? Finding(.clockYear, .ok, "the clock says \(now)")
            : Finding(
                .clockYear,
                .failure,
                "the clock says \(now), which cannot be: what ends on a date would end at the wrong time",
                remedy: "timedatectl set-ntp true"
            )
        let sync: Finding =
            switch facts.machine.isClockSynchronised {
            case true?: Finding(.clockSync, .ok, "the clock is kept right")
            case false?:
                Finding(
                    .clockSync,
                    .warning,
                    "nothing keeps the clock right: keys and legacy algorithms with an 'until' end by this clock",
                    remedy: "timedatectl set-ntp true"
                )
            case nil: Finding(.clockSync, .ok, "whether the clock is kept right cannot be told here")
            }
        return [year, sync]
    }

    // MARK: Offload and processors

    private static func offload(_ facts: DoctorFacts) -> [Finding] {
        var findings: [Finding] = []
        for interface in facts.outer where !interface.features.isEmpty {
            let shown = ["esp-hw-offload", "esp-tx-csum-hw-offload", "tx-esp-segmentation", "tx-udp_tnl-segmentation"]
            let on = shown.filter { interface.features[$0] == true }
            findings.append(
                Finding(
                    .nicOffload,
                    .ok,
                    on.isEmpty
                        ? "\(interface.name) has no offload for ESP: the processors encrypt"
                        : "\(interface.name) has \(on.joined(separator: ", "))"
                )
            )
            if interface.features["rx-gro"] == false {
                findings.append(
                    Finding(
                        .nicGRO,
                        .warning,
                        "\(interface.name) does not gather received packets (GRO is off), which costs throughput",
                        remedy: "ethtool -K \(interface.name) gro on"
                    )
                )
            } else {
                findings.append(Finding(.nicGRO, .ok, "\(interface.name) gathers received packets"))
            }
        }
        if let associations = facts.machine.associations {
            let words =
                associations.count == 0
                ? "no security association of Culvert's stands"
                : "\(associations.offloaded) of \(associations.count) security associations are offloaded to a device"
            findings.append(Finding(.saOffload, .ok, words))
        } else {
            findings.append(
                Finding(
                    .saOffload,
                    .warning,
                    "the kernel's security associations could not be read",
                    remedy: "sudo culvertctl doctor"
                )
            )
        }
        return findings
    }

    private static func crypto(_ facts: DoctorFacts) -> [Finding] {
        let (flags, drivers) = (facts.machine.cpuFlags, facts.machine.cryptoDrivers)
        guard !flags.isEmpty else {
            return [Finding(.cpuCrypto, .ok, "what the processor can do for encryption cannot be told here")]
        }
        let has = ["aes", "pclmulqdq", "pmull", "avx", "avx2", "sha_ni", "sha1", "sha2"].filter(flags.contains)
        guard flags.contains("aes") else {
            return [
                Finding(
                    .cpuCrypto,
                    .warning,
                    "the processor has no AES instructions: ESP is several times slower",
                    remedy: "in a virtual machine, pass the host's processor through (-cpu host)"
                )
            ]
        }
        let usesAES = drivers.contains { $0.contains("aes-generic") }
        let isFast = drivers.contains { $0.contains("aesni") || $0.contains("-ce") || $0.contains("vaes") }
        guard !usesAES || isFast else {
            return [
                Finding(
                    .cpuCrypto,
                    .warning,
                    "the processor has AES instructions, but the kernel's AES does without them",
                    remedy: "modprobe aesni_intel (x86), or modprobe aes_ce_blk (ARM)"
                )
            ]
        }
        return [Finding(.cpuCrypto, .ok, "the processor has \(has.joined(separator: ", "))")]
    }

    // MARK: Others in the way

    private static let rivalUnits = [
        "strongswan.service", "strongswan-starter.service", "ipsec.service", "libreswan.service", "racoon.service",
        "xl2tpd.service",
    ]

    private static func rivals(_ facts: DoctorFacts) -> [Finding] {
        var findings = OtherDaemons.programs.filter(facts.machine.programs.contains)
            .map { Finding(.otherDaemon, .failure, "\($0) runs", remedy: OtherDaemons.stopCommand(for: $0)) }
        if findings.isEmpty {
            for unit in rivalUnits where facts.machine.enabledUnits.contains(unit) {
                findings.append(
                    Finding(
                        .otherDaemon,
                        .warning,
                        "\(unit) is started at the next boot",
                        remedy: "systemctl disable \(unit)"
                    )
                )
            }
        }
        if findings.isEmpty {
            findings.append(Finding(.otherDaemon, .ok, "no other IPsec or L2TP daemon is in the way"))
        }
        return findings + ports(facts)
    }

    private static func ports(_ facts: DoctorFacts) -> [Finding] {
        // Sockets of a culvertd, or those that systemd holds for it.
        let isOurs = { (name: String) in name.hasPrefix("culvertd ") || name == "systemd (pid 1)" }
        let strangers = facts.preflight.portHolders.filter { !($0.process.map(isOurs) ?? false) }
        let named = strangers.filter { $0.process != nil }
        var ports = PreflightFacts()
        ports.portHolders = named
        let problems = Preflight.problems(in: ports)
        if !problems.isEmpty {
            return problems.map { Finding(.ikePorts, .failure, $0.what, remedy: $0.command) }
        }
        // Without root nobody's name is seen; if culvertd answers, it is culvertd.
        if !strangers.isEmpty, !facts.isDaemonRunning {
            return [
                Finding(
                    .ikePorts,
                    .warning,
                    "UDP 500 or 4500 is taken, and it cannot be seen by whom",
                    remedy: "sudo ss -ulpn 'sport = :500 or sport = :4500'"
                )
            ]
        }
        let words = facts.preflight.portHolders.isEmpty ? "UDP 500 and 4500 are free" : "culvertd has UDP 500 and 4500"
        return [Finding(.ikePorts, .ok, words)]
    }

    // MARK: Culvert itself

    private static func configuration(_ facts: DoctorFacts) -> [Finding] {
        let check = "culvertd --config \(facts.configuration) --check"
        guard let gateway = facts.gateway else {
            switch facts.hiding {
            case .fromThisUser:
                let words = "\(facts.configuration), or a file that it names, may not be read by this user"
                return [Finding(.configuration, .warning, words, remedy: "sudo culvertctl doctor")]
            case .credentials:
                let words = "\(facts.configuration) names secrets that systemd hands to culvertd, and was not looked at"
                let folder = "CREDENTIALS_DIRECTORY=/run/credentials/culvertd.service"
                return [Finding(.configuration, .warning, words, remedy: "sudo \(folder) culvertctl doctor")]
            case nil: break
            }
            let rest = facts.mistakes.count > 1 ? " (and \(facts.mistakes.count - 1) more)" : ""
            return [
                Finding(
                    .configuration,
                    .failure,
                    "the configuration is not usable: \(facts.mistakes.first ?? facts.configuration)\(rest)",
                    remedy: check
                )
            ]
        }
        var findings: [Finding] = []
        if let first = facts.warnings.first {
            let rest = facts.warnings.count > 1 ? " (and \(facts.warnings.count - 1) more)" : ""
            findings.append(Finding(.configuration, .warning, "\(first)\(rest)", remedy: check))
        } else {
            findings.append(
                Finding(.configuration, .ok, "\(facts.configuration) is usable, and its secrets are closed to others")
            )
        }
        findings.append(
            gateway.users > 0
                ? Finding(.users, .ok, "\(gateway.users) \(gateway.users == 1 ? "user" : "users") may dial in")
                : Finding(
                    .users,
                    .warning,
                    "no user may dial in",
                    remedy: "add one to the users file, then: culvertctl reload"
                )
        )
        return findings
    }

    private static func daemon(_ facts: DoctorFacts) -> [Finding] {
        switch facts.daemon {
        case .silent(let problem):
            return [Finding(.daemon, .warning, problem.message, remedy: problem.remedy ?? "systemctl status culvertd")]
        case .answers(let version):
            let ours = Runtime.Daemon.version
            let running = Finding(.daemon, .ok, "culvertd answers on its control socket")
            guard let version, version != ours else {
                return [running, Finding(.daemonVersion, .ok, "culvertd and culvertctl are both of version \(ours)")]
            }
            return [
                running,
                Finding(
                    .daemonVersion,
                    .warning,
                    "culvertd is of version \(version), culvertctl of \(ours)",
                    remedy: "systemctl restart culvertd"
                ),
            ]
        }
    }

    private static func addresses(_ facts: DoctorFacts) -> [Finding] {
        guard let gateway = facts.gateway else { return [] }
        var findings: [Finding] = []
        for pool in gateway.pools {
            for interface in facts.machine.interfaces where !interface.isLoopback && !interface.isOurs {
                for own in interface.addresses {
                    let place = "\(own.address)/\(own.length) of \(interface.name)"
                    if pool.range.contains(own.address), own.address != pool.gateway {
                        findings.append(
                            Finding(
                                .poolOverlap,
                                .failure,
                                "the pool \(pool.name) (\(pool.range)) covers \(place): a caller could be given an address "
                                    + "that is in use",
                                remedy:
                                    "take another range for the pool in \(facts.configuration), then: culvertctl reload"
                            )
                        )
                    } else if IPPrefix(own.address, length: own.length)?.contains(pool.range.address) == true {
                        findings.append(
                            Finding(
                                .poolOverlap,
                                .warning,
                                "the pool \(pool.name) (\(pool.range)) lies in the network of \(place): machines there look "
                                    + "for callers beside them and do not find them",
                                remedy:
                                    "take another range for the pool in \(facts.configuration), then: culvertctl reload"
                            )
                        )
                    }
                }
            }
        }
        return findings.isEmpty ? [Finding(.poolOverlap, .ok, "no pool overlaps a network of this machine")] : findings
    }
}

extension DoctorFacts {
    /// Where peers' packets come in.
    var outer: [MachineFacts.Interface] { machine.outer(listening: gateway?.listen ?? []) }
}
