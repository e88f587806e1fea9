// SPDX-License-Identifier: Apache-2.0

/// The vendor ids that tell clients apart, as a set: a message has each or not.
///
/// What stands behind one (the version of Windows, the capabilities behind FRAGMENTATION) is left out unless a member
/// is there for it.
package struct VendorIDs: OptionSet, Hashable, Sendable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// MD5 of `RFC 3947`.
    package static let rfc3947 = VendorIDs(rawValue: 1 << 0)
    /// MD5 of `draft-ietf-ipsec-nat-t-ike`, without a number.
    package static let draft = VendorIDs(rawValue: 1 << 1)
    package static let draft00 = VendorIDs(rawValue: 1 << 2)
    package static let draft02 = VendorIDs(rawValue: 1 << 3)
    /// With a newline at the end of what is hashed.
    package static let draft02Newline = VendorIDs(rawValue: 1 << 4)
    package static let draft03 = VendorIDs(rawValue: 1 << 5)
    /// Any of 04 to 08.
    package static let draft04To08 = VendorIDs(rawValue: 1 << 6)
    /// MD5 of `FRAGMENTATION`, capabilities behind it or not.
    package static let fragmentation = VendorIDs(rawValue: 1 << 7)
    /// RFC 3706.
    package static let deadPeerDetection = VendorIDs(rawValue: 1 << 8)
    /// MD5 of `MS NT5 ISAKMPOAKLEY`, any version behind it.
    package static let microsoft = VendorIDs(rawValue: 1 << 9)
    /// The same with version 4 or less: XP and before.
    package static let microsoftTo4 = VendorIDs(rawValue: 1 << 10)
    /// The same with version 9 or more: 8 and after.
    package static let microsoftFrom9 = VendorIDs(rawValue: 1 << 11)
    /// KEY_MODS, of Windows 8 and after; nobody knows what is hashed in it.
    package static let keyMods = VendorIDs(rawValue: 1 << 12)
    /// MD5 of `MS-Negotiation Discovery Capable`.
    package static let negotiationDiscovery = VendorIDs(rawValue: 1 << 13)
    /// MD5 of `Vid-Initial-Contact`.
    package static let initialContact = VendorIDs(rawValue: 1 << 14)
    /// MD5 of `IKE CGA version 1`.
    package static let ikeCGA = VendorIDs(rawValue: 1 << 15)
    package static let xauth = VendorIDs(rawValue: 1 << 16)
    /// The text `OE-Libreswan-` and a version.
    package static let libreswan = VendorIDs(rawValue: 1 << 17)

    /// - Parameter announced: Bodies of the vendor id payloads of message 1.
    package init(_ announced: [ArraySlice<UInt8>]) {
        self = []
        for body in announced { formUnion(VendorIDs(of: body)) }
    }

    /// One of them, or none: two numbers are compared and nothing else, as every first message comes by here.
    private init(of body: ArraySlice<UInt8>) {
        switch (body.count, body.number(at: 0), body.number(at: 8)) {
        case (8, 0x0900_2689_DFD6_B712, _): self = .xauth
        case (16, 0x4A13_1C81_0703_5845, 0x5C57_28F2_0E95_452F): self = .rfc3947
        case (16, 0x4DF3_7928_E9FC_4FD1, 0xB326_2170_D515_C662): self = .draft
        case (16, 0x4485_152D_18B6_BBCD, 0x0BE8_A846_9579_DDCC): self = .draft00
        case (16, 0xCD60_4643_35DF_21F8, 0x7CFD_B2FC_68B6_A448): self = .draft02
        case (16, 0x90CB_8091_3EBB_696E, 0x0863_81B5_EC42_7B1F): self = .draft02Newline
        case (16, 0x7D94_19A6_5310_CA6F, 0x2C17_9D92_1552_9D56): self = .draft03
        case (16, 0x9909_B64E_ED93_7C65, 0x73DE_52AC_E952_FA6B), (16, 0x80D0_BB3D_EF54_565E, 0xE846_45D4_C85C_E3EE),
            (16, 0x4D1E_0E13_6DEA_FA34, 0xC4F3_EA9F_02EC_7285), (16, 0x439B_59F8_BA67_6C4C, 0x7737_AE22_EAB8_F582),
            (16, 0x8F8D_8382_6D24_6B6F, 0xC7A8_A6A4_28C1_1DE8):
            self = .draft04To08
        case (16, 0xAFCA_D713_68A1_F1C9, 0x6B86_96FC_7757_0100): self = .deadPeerDetection
        case (16..., 0x4048_B7D5_6EBC_E885, 0x25E7_DE7F_00D6_C2D3): self = .fragmentation
        case (16..., 0x1E2B_5169_0599_1C7D, 0x7C96_FCBF_B587_E461):
            self = .microsoft
            guard body.count == 20 else { return }
            let version = body.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
            if version <= 4 { insert(.microsoftTo4) }
            if version >= 9 { insert(.microsoftFrom9) }
        case (16..., 0x0152_8BBB_C006_9612, 0x1849_AB9A_1C5B_2A51): self = .keyMods
        case (16, 0xFB1D_E3CD_F341_B7EA, 0x16B7_E5BE_0855_F120): self = .negotiationDiscovery
        case (16, 0x2624_4D38_EDDB_61B3, 0x172A_36E3_D0CF_B819): self = .initialContact
        case (16, 0xE3A5_966A_7637_9FE7, 0x0722_8231_E5CE_8652): self = .ikeCGA
        // "OE-Libreswan-": the last three bytes are of the version.
        case (14..., 0x4F45_2D4C_6962_7265, let rest) where rest >> 24 == 0x73_7761_6E2D: self = .libreswan
        default: self = []
        }
    }
}

extension ArraySlice<UInt8> {
    /// Eight bytes from an offset on, as a number; what is not there counts as zeros.
    fileprivate func number(at offset: Int) -> UInt64 {
        let bytes = dropFirst(offset).prefix(8)
        return bytes.reduce(0) { $0 << 8 | UInt64($1) } << (8 * UInt64(8 - bytes.count))
    }
}
