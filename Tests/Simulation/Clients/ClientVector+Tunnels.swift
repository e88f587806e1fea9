// SPDX-License-Identifier: Apache-2.0
internal import L2TP

/// L2TP, client by client. Beside each, what of it nobody has read in a source or a log.
extension ClientVector.Tunnel {
    private init(hostName: String, _ change: (inout SimulatedLAC.Habits) -> Void) {
        self.init()
        self.hostName = hostName
        change(&habits)
    }

    /// The names of the AVPs are those that LNS logs show for it, as are version, framing, bearers and firmware.
    package static let windows = Self(hostName: "DESKTOP-4F7K2QM") { habits in
        habits.receiveWindowSize = 8
        habits.sccrq = [
            .protocolVersion, .framingCapabilities(.synchronous), .bearerCapabilities(0), .firmware(0x0600),
            .hostName, .vendorName("Microsoft"), .assignedID, .receiveWindowSize,
        ]
        habits.icrq = [.assignedID, .callSerialNumber, .bearerType(2)]
        // Proxy Authen Type 4: no authentication has been done.
        habits.iccn = [
            .txConnectSpeed(100_000_000), .framingType(.synchronous), .value(.proxyAuthenticationType, [0, 4]),
        ]
        habits.firstSerialNumber = 0
    }
    package static let windowsInferred = [
        "Windows' receive window of 8 and the AVPs of its ICRQ and ICCN are as generally known from LNS logs; none is cited.",
        "Windows' result codes (CDN 3, StopCCN 6) and its retransmission are supposed.",
    ]

    /// In some versions it sends a Result Code with its bytes swapped.
    package static let apple = Self(hostName: "Alices-MacBook") { habits in
        habits.sccrq = [
            .protocolVersion, .framingCapabilities([.synchronous, .asynchronous]), .hostName, .assignedID,
            .receiveWindowSize,
        ]
        habits.icrq = [.assignedID, .callSerialNumber]
        habits.iccn = [.txConnectSpeed(1_000_000), .framingType([.synchronous, .asynchronous])]
        habits.callResult = nil
        habits.stopResult = 1
        habits.swapsResultBytes = true
    }
    package static let appleInferred = [
        "Apple's receive window of 4, its AVPs and their order are as generally known from LNS logs; none is cited.",
        "That Apple closes a tunnel with one StopCCN, and with result 1, is supposed.",
    ]

    /// mtpd: one message at a time, a ZLB for each, two seconds between repetitions.
    package static let android = Self(hostName: "anonymous") { habits in
        habits.receiveWindowSize = 1
        habits.acknowledgesAtOnce = true
        habits.sendsOneAtATime = true
        habits.schedule = RetransmissionSchedule(first: .seconds(2), longest: .seconds(2), limit: 15)
        habits.sccrq = [
            .protocolVersion, .hostName, .framingCapabilities([.synchronous, .asynchronous]), .assignedID,
            .receiveWindowSize, .challenge,
        ]
        habits.icrq = [.assignedID, .callSerialNumber]
        habits.iccn = [.txConnectSpeed(100_000_000), .framingType([.synchronous, .asynchronous])]
        habits.callResult = nil
        habits.stopResult = 6
    }
    package static let androidInferred = [
        "That Android's mtpd has one message under way at a time, and for how long it tries, is supposed."
    ]

    /// xl2tpd as LAC.
    private static let xl2tpd = Self(hostName: "localhost") { habits in
        habits.sccrq = [
            .protocolVersion, .framingCapabilities([.synchronous, .asynchronous]), .bearerCapabilities(0),
            .firmware(0x0690), .hostName, .vendorName("xelerance.com"), .assignedID, .receiveWindowSize, .challenge,
        ]
        habits.icrq = [.assignedID, .callSerialNumber, .bearerType(0)]
        habits.iccn = [.txConnectSpeed(10_000_000), .framingType(.synchronous)]
        habits.stopResult = 1
    }
    private static let xl2tpdInferred = [
        "The order of xl2tpd's AVPs, its receive window of 4 and its result codes are as generally known."
    ]

    package static let chromeOS = xl2tpd
    package static let chromeOSInferred = xl2tpdInferred

    /// Port 1701 if it is free.
    package static let networkManager = xl2tpd
    package static let networkManagerInferred = xl2tpdInferred

    /// A Linux client with xl2tpd above strongSwan.
    package static let strongSwan = xl2tpd
    package static let strongSwanInferred = xl2tpdInferred

    package static let routerOS = Self(hostName: "MikroTik") { habits in
        habits.sccrq = [
            .protocolVersion, .framingCapabilities(.synchronous), .bearerCapabilities(0), .firmware(1), .hostName,
            .vendorName("MikroTik"), .assignedID, .receiveWindowSize,
        ]
        habits.icrq = [.assignedID, .callSerialNumber, .bearerType(0)]
        habits.iccn = [.txConnectSpeed(0), .framingType(.synchronous)]
    }
    package static let routerOSInferred = [
        "RouterOS' AVPs, their order and values, a Connect Speed of 0 and its result codes are supposed."
    ]

    /// SoftEther is a server; as a LAC it would say what it says there.
    package static let softEther = Self(hostName: "vpn") { habits in
        habits.receiveWindowSize = 8
        habits.sccrq = [
            .protocolVersion, .framingCapabilities([.synchronous, .asynchronous]), .bearerCapabilities(3), .hostName,
            .vendorName("SoftEther Corporation"), .assignedID, .receiveWindowSize,
        ]
        habits.icrq = [.assignedID, .callSerialNumber]
        habits.iccn = [.txConnectSpeed(100_000_000), .framingType(.synchronous)]
    }
    package static let softEtherInferred = ["All of SoftEther's L2TP is supposed: it is a server, and dials nobody."]
}
