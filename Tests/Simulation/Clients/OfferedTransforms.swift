// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import IKE

/// A choice of algorithms for phase 1, also of those that no gateway should take.
///
/// - SeeAlso: RFC 2409 appendix A
struct IKESuite {
    enum Cipher {
        case aes256
        case aes192
        case aes128
        case tripleDES
        case des
    }

    enum Hash: UInt16 {
        case md5 = 1
        case sha1 = 2
        case sha256 = 4
        case sha384 = 5
        case sha512 = 6
    }

    enum Group: UInt16 {
        case modp768 = 1
        case modp1024 = 2
        case modp1536 = 5
        case modp2048 = 14
        case modp3072 = 15
        case ecp256 = 19
        case ecp384 = 20
    }

    var cipher: Cipher
    var hash: Hash
    var group: Group

    init(_ cipher: Cipher, _ hash: Hash, _ group: Group) {
        self.cipher = cipher
        self.hash = hash
        self.group = group
    }

    /// Every hash with each cipher in turn.
    static func all(_ ciphers: [Cipher], _ hashes: [Hash], _ group: Group) -> [IKESuite] {
        ciphers.flatMap { cipher in hashes.map { IKESuite(cipher, $0, group) } }
    }

    fileprivate var encryption: UInt16 {
        switch cipher {
        case .aes256, .aes192, .aes128: 7
        case .tripleDES: 5
        case .des: 1
        }
    }

    fileprivate var keyBits: UInt16? {
        switch cipher {
        case .aes256: 256
        case .aes192: 192
        case .aes128: 128
        case .tripleDES, .des: nil
        }
    }
}

/// A choice of algorithms for ESP.
///
/// - SeeAlso: RFC 2407 §4.4.4, §4.5
struct ESPSuite {
    enum Cipher {
        case aes256
        case aes192
        case aes128
        case aes128GCM
        case tripleDES
        case des
        case null
    }

    enum Integrity: UInt16 {
        case md5 = 1
        case sha1 = 2
        case sha256 = 5
        case sha384 = 6
        case sha512 = 7
    }

    var cipher: Cipher
    var integrity: Integrity?

    init(_ cipher: Cipher, _ integrity: Integrity?) {
        self.cipher = cipher
        self.integrity = integrity
    }

    static func all(_ ciphers: [Cipher], _ integrities: [Integrity]) -> [ESPSuite] {
        ciphers.flatMap { cipher in integrities.map { ESPSuite(cipher, $0) } }
    }

    fileprivate var id: UInt8 {
        switch cipher {
        case .aes256, .aes192, .aes128: 12
        case .aes128GCM: 20
        case .tripleDES: 3
        case .des: 2
        case .null: 11
        }
    }

    fileprivate var keyBits: UInt16? {
        switch cipher {
        case .aes256: 256
        case .aes192: 192
        case .aes128, .aes128GCM: 128
        case .tripleDES, .des, .null: nil
        }
    }
}

/// The same choices in the words of one implementation: the order of attributes, and how long a number is written.
enum Dialect {
    case windows
    /// Also that of Apple and Android, who build on it.
    case racoon
    case strongSwan
    case libreswan

    /// - Parameter seconds: The life duration.
    func phase1(_ suites: [IKESuite], seconds: UInt32) -> IKEv1.SAPayload {
        let transforms = suites.enumerated().map { index, suite in
            let encryption = IKEv1.Attribute(1, suite.encryption)
            let keyLength = suite.keyBits.map { [IKEv1.Attribute(14, $0)] } ?? []
            let hash = IKEv1.Attribute(2, suite.hash.rawValue)
            let authentication = IKEv1.Attribute(3, 1)
            let group = IKEv1.Attribute(4, suite.group.rawValue)
            let life = life(11, 12, kind: 1, seconds)
            let attributes: [IKEv1.Attribute] =
                switch self {
                case .windows, .strongSwan: [encryption] + keyLength + [hash, group, authentication] + life
                case .racoon: life + [encryption] + keyLength + [authentication, hash, group]
                case .libreswan: life + [encryption, hash, authentication, group] + keyLength
                }
            return IKEv1.Transform(number: UInt8(index + 1), id: 1, attributes: attributes)
        }
        return IKEv1.SAPayload(
            proposals: [IKEv1.Proposal(number: 1, protocolID: .isakmp, spi: [], transforms: transforms)]
        )
    }

    func phase2(_ suites: [ESPSuite], seconds: UInt32, kilobytes: UInt32? = nil) -> IKEv1.SAPayload {
        let transforms = suites.enumerated().map { index, suite in
            let mode = IKEv1.Attribute(4, 2)
            let keyLength = suite.keyBits.map { [IKEv1.Attribute(6, $0)] } ?? []
            let integrity = suite.integrity.map { [IKEv1.Attribute(5, $0.rawValue)] } ?? []
            let life = life(1, 2, kind: 1, seconds) + (kilobytes.map { self.life(1, 2, kind: 2, $0) } ?? [])
            let attributes: [IKEv1.Attribute] =
                switch self {
                case .windows: [mode] + keyLength + integrity + life
                case .racoon: life + [mode] + keyLength + integrity
                case .strongSwan: keyLength + integrity + [mode] + life
                case .libreswan: [mode] + life + integrity + keyLength
                }
            return IKEv1.Transform(number: UInt8(index + 1), id: suite.id, attributes: attributes)
        }
        return IKEv1.SAPayload(proposals: proposals(transforms))
    }

    /// Windows has a proposal for every transform, the others one for all.
    private func proposals(_ transforms: [IKEv1.Transform]) -> [IKEv1.Proposal] {
        func proposal(_ number: Int, _ transforms: [IKEv1.Transform]) -> IKEv1.Proposal {
            IKEv1.Proposal(number: UInt8(number), protocolID: .esp, spi: [0, 0, 0, 0], transforms: transforms)
        }
        guard self == .windows else { return [proposal(1, transforms)] }
        return transforms.enumerated().map { index, transform in
            var only = transform
            only.number = 1
            return proposal(index + 1, [only])
        }
    }

    private func life(_ type: UInt16, _ duration: UInt16, kind: UInt16, _ number: UInt32) -> [IKEv1.Attribute] {
        let short = UInt16(exactly: number).map { IKEv1.Attribute.Value.basic($0) }
        let long = IKEv1.Attribute.Value.variable(SimulatedIKEInitiator.bytes(number))
        return [
            IKEv1.Attribute(type, kind),
            IKEv1.Attribute(type: duration, value: self == .windows ? long : short ?? long),
        ]
    }
}

/// What an answer says, as far as the simulated client can do it too.
enum AnsweredTransform {
    static func ike(_ transform: IKEv1.Transform) -> IKETransform? {
        let numbers = numbers(transform)
        let cipher: IKETransform.Cipher
        switch (numbers[1], numbers[14]) {
        case (7, let bits): cipher = .aesCBC(keyBits: Int(bits ?? 128))
        case (5, nil): cipher = .tripleDESCBC
        default: return nil
        }
        let hash: HashAlgorithm
        switch numbers[2] {
        case 1: hash = .md5
        case 2: hash = .sha1
        case 4: hash = .sha256
        case 5: hash = .sha384
        case 6: hash = .sha512
        default: return nil
        }
        guard numbers[3] == 1, let group = group(numbers[4]) else { return nil }
        return IKETransform(cipher: cipher, hash: hash, group: group)
    }

    static func esp(_ transform: IKEv1.Transform) -> ESPTransform? {
        let numbers = numbers(transform)
        let bits = Int(numbers[6] ?? 128)
        let integrity: ESPTransform.Integrity?
        switch numbers[5] {
        case nil: integrity = nil
        case 1: integrity = .hmacMD5_96
        case 2: integrity = .hmacSHA1_96
        case 5: integrity = .hmacSHA256_128
        case 6: integrity = .hmacSHA384_192
        case 7: integrity = .hmacSHA512_256
        default: return nil
        }
        switch transform.id {
        case 3: return ESPTransform(cipher: .tripleDESCBC, integrity: integrity)
        case 12: return ESPTransform(cipher: .aesCBC(keyBits: bits), integrity: integrity)
        case 20: return ESPTransform(cipher: .aesGCM16(keyBits: bits), integrity: integrity)
        default: return nil
        }
    }

    static func group(ofPhase2 transform: IKEv1.Transform) -> DiffieHellmanGroup? { group(numbers(transform)[3]) }

    static func encapsulation(_ transform: IKEv1.Transform) -> UInt16? {
        numbers(transform)[4].flatMap { UInt16(exactly: $0) }
    }

    private static func group(_ number: UInt64?) -> DiffieHellmanGroup? {
        number.flatMap { UInt16(exactly: $0) }.flatMap(DiffieHellmanGroup.init(rawValue:))
    }

    private static func numbers(_ transform: IKEv1.Transform) -> [UInt16: UInt64] {
        Dictionary(transform.attributes.compactMap { attribute in attribute.number.map { (attribute.type, $0) } }) {
            first,
            _ in first
        }
    }
}
