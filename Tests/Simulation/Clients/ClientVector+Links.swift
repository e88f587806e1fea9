// SPDX-License-Identifier: Apache-2.0
internal import PPP

private typealias PPPHabits = SimulatedPPPClient.Habits

/// PPP, client by client. Beside each, what of it nobody has read in a source or a log.
extension ClientVector.Link {
    private init(_ methods: [AuthenticationMethod], _ change: (inout SimulatedPPPClient.Habits) -> Void) {
        self.init()
        self.methods = methods
        change(&habits)
    }

    /// Vista and later: callback in LCP, then IPv6CP, CCP and IPCP at once, with four servers asked for.
    package static let windows = Self([.mschapv2, .chapMD5]) { habits in
        habits.firstIdentifier = 0
        habits.lcp = [
            PPPHabits.mru(1400), PPPHabits.magicNumber,
            PPPHabits.protocolFieldCompression,
            PPPHabits.addressAndControlFieldCompression, PPPHabits.callback,
        ]
        habits.identifications = ["MSRASV5.20", "MSRAS-0-DESKTOP-4F7K2QM"]
        habits.others = [.ipv6(0xD8F4_9A2B_6C01_7E35), .mppe(0x0100_0001)]
        habits.ipcp = [
            PPPHabits.address, PPPHabits.primaryDNS,
            PPPHabits.primaryWINS, PPPHabits.secondaryDNS,
            PPPHabits.secondaryWINS,
        ]
    }
    package static let windowsInferred = [
        "Windows' LCP, CCP, IPv6CP and IPCP options, their order and its Identification packets are as generally known"
            + " from server logs; none is cited.",
        "That Windows takes MS-CHAPv2 and then CHAP is the default of its connection dialog, as generally known.",
    ]

    /// XP and 2000: multilink in LCP, header compression in IPCP.
    package static let windowsXP = Self([.mschapv2, .chapMD5]) { habits in
        habits = Self.windows.habits
        habits.lcp += [
            PPPHabits.mrru(1614),
            // Endpoint discriminator of class 1, locally assigned.
            PPP.Option(19, [1] + [UInt8](repeating: 0x6C, count: 20)),
        ]
        habits.identifications = ["MSRASV5.10", "MSRAS-0-OFFICE"]
        habits.others = [.mppe(0x0100_0001)]
        habits.ipcp.insert(PPPHabits.headerCompression, at: 0)
    }
    package static let windowsXPInferred = [
        "Windows XP's LCP, CCP and IPCP options and its Identification packets are as generally known from server logs; none is cited."
    ]

    /// pppd, with IPv6CP and Apple's own protocol for routes and search domains.
    package static let apple = Self([.mschapv2, .chapMD5, .pap]) { habits in
        habits.lcp = pppdOptions(mru: nil)
        habits.others = [
            .init(
                ProtocolNumber(rawValue: 0x8235),
                [PPP.Option(1, integer: UInt32(1)), PPP.Option(2, integer: UInt32(1))]
            ),
            .ipv6(0x0225_00FF_FE4B_1A77),
        ]
    }
    package static let appleInferred = [
        "Apple's LCP and IPCP options and its protocol 0x8235 are as generally known from server logs; none is cited.",
        "Apple's authentication methods and their order are supposed.",
    ]

    /// mtpd's pppd: EAP refused, MRU 1400, name servers wanted.
    package static let android = Self([.mschapv2, .chapMD5, .pap]) { habits in
        habits.lcp = pppdOptions(mru: 1400)
        habits.ipcp.insert(PPPHabits.headerCompression, at: 0)
    }
    package static let androidInferred = [
        "Android's pppd options (mru 1400, refuse-eap, usepeerdns) are as generally known; what pppd makes of them is supposed."
    ]

    private static let linux = Self([.mschapv2, .chapMD5, .pap]) { habits in
        habits.lcp = pppdOptions(mru: 1400)
        habits.ipcp.insert(PPPHabits.headerCompression, at: 0)
        // Deflate in its right and its old number, BSD compress.
        habits.others = [
            .init(.ccp, [PPP.Option(26, [0x78, 0x00]), PPP.Option(24, [0x78, 0x00]), PPP.Option(21, [0x2F])])
        ]
    }
    private static let linuxInferred = ["The options of pppd 2.4 are as generally known, its MRU is supposed."]

    package static let chromeOS = linux
    package static let chromeOSInferred = linuxInferred

    package static let networkManager = linux
    package static let networkManagerInferred = linuxInferred

    package static let strongSwan = linux
    package static let strongSwanInferred = linuxInferred

    /// Multilink and MPPE are asked for, and every control protocol begins with the proof.
    package static let routerOS = Self([.mschapv2, .chapMD5, .pap]) { habits in
        habits.lcp = [
            PPPHabits.mru(1450), PPPHabits.magicNumber,
            PPPHabits.mrru(1600),
        ]
        habits.others = [.mppe(0x0100_0060)]
        habits.isEager = true
    }
    package static let routerOSInferred = [
        "RouterOS' LCP options, the bits of its MPPE option and its order of authentication methods are supposed."
    ]

    /// SoftEther is a server; nobody has seen it as a PPP client.
    package static let softEther = Self([.mschapv2, .pap]) { _ in }
    package static let softEtherInferred = ["All of SoftEther's PPP is supposed: it is a server, and dials nobody."]

    private static func pppdOptions(mru: UInt16?) -> [PPP.Option] {
        (mru.map { [PPPHabits.mru($0)] } ?? []) + [
            PPPHabits.noControlCharacters, PPPHabits.magicNumber,
            PPPHabits.protocolFieldCompression,
            PPPHabits.addressAndControlFieldCompression,
        ]
    }
}
