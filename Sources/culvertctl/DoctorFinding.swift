// SPDX-License-Identifier: Apache-2.0

/// What the doctor says of one thing. The JSON keys are the names of the properties, and stable.
struct Finding: Codable, Hashable, Sendable {
    enum Level: String, Codable, Hashable, Sendable, CaseIterable, Comparable {
        case ok
        /// It works, or may; something is worth looking at, or could not be seen.
        case warning
        /// Calls will fail.
        case failure

        static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }

        private var rank: Int {
            switch self {
            case .ok: 0
            case .warning: 1
            case .failure: 2
            }
        }
    }

    enum Area: String, Codable, Hashable, Sendable, CaseIterable {
        case kernel
        case system
        case firewall
        case mtu
        case clock
        case offload
        case crypto
        case rivals
        case configuration
        case daemon
        case addresses
    }

    /// Each is explained in Docs/Doctor.md.
    enum ID: String, Codable, Hashable, Sendable, CaseIterable {
        case kernelPart = "kernel-part"
        case kernelUnseen = "kernel-unseen"
        case ipForward = "ip-forward"
        case rpFilter = "rp-filter"
        case redirects
        case privatePorts = "private-ports"
        case socketBuffers = "socket-buffers"
        case backlog
        case conntrack
        case fileLimit = "file-limit"
        case firewallIKE = "firewall-ike"
        case firewallESP = "firewall-esp"
        case firewallL2TP = "firewall-l2tp"
        case firewallForward = "firewall-forward"
        case firewallNAT = "firewall-nat"
        case firewallLegacy = "firewall-legacy"
        case firewallUnseen = "firewall-unseen"
        case outerMTU = "outer-mtu"
        case outerInterface = "outer-interface"
        case pmtuDiscovery = "pmtu-discovery"
        case mtuProbing = "mtu-probing"
        case clockSync = "clock-sync"
        case clockYear = "clock-year"
        case nicOffload = "nic-offload"
        case nicGRO = "nic-gro"
        case saOffload = "sa-offload"
        case cpuCrypto = "cpu-crypto"
        case otherDaemon = "other-daemon"
        case ikePorts = "ike-ports"
        case configuration
        case users
        case daemon
        case daemonVersion = "daemon-version"
        case poolOverlap = "pool-overlap"

        var area: Area {
            switch self {
            case .kernelPart, .kernelUnseen: .kernel
            case .ipForward, .rpFilter, .redirects, .privatePorts, .socketBuffers, .backlog, .conntrack, .fileLimit:
                .system
            case .firewallIKE, .firewallESP, .firewallL2TP, .firewallForward, .firewallNAT, .firewallLegacy,
                .firewallUnseen:
                .firewall
            case .outerMTU, .outerInterface, .pmtuDiscovery, .mtuProbing: .mtu
            case .clockSync, .clockYear: .clock
            case .nicOffload, .nicGRO, .saOffload: .offload
            case .cpuCrypto: .crypto
            case .otherDaemon, .ikePorts: .rivals
            case .configuration, .users: .configuration
            case .daemon, .daemonVersion: .daemon
            case .poolOverlap: .addresses
            }
        }
    }

    var id: ID
    var area: Area
    var level: Level
    /// One sentence without trailing period.
    var found: String
    /// What to type, or what to do.
    var remedy: String?

    init(_ id: ID, _ level: Level, _ found: String, remedy: String? = nil) {
        self.id = id
        area = id.area
        self.level = level
        self.found = found
        self.remedy = remedy
    }
}

/// `culvertctl doctor --json`.
struct DoctorReport: Codable, Hashable, Sendable {
    var failures: Int
    var warnings: Int
    var findings: [Finding]

    init(_ findings: [Finding]) {
        failures = findings.count { $0.level == .failure }
        warnings = findings.count { $0.level == .warning }
        self.findings = findings
    }
}
