// SPDX-License-Identifier: Apache-2.0
package import Cryptography
internal import Primitives

/// What LCP negotiates: packet sizes, how the peer proves who it is, and numbers that show a looped line.
///
/// - SeeAlso: RFC 1661 §6
package struct LCPOptions: NegotiableOptions {
    package static let protocolNumber = ProtocolNumber.lcp

    package enum OptionType {
        package static let mru: UInt8 = 1
        package static let asyncControlCharacterMap: UInt8 = 2
        package static let authentication: UInt8 = 3
        package static let magicNumber: UInt8 = 5
        package static let protocolFieldCompression: UInt8 = 7
        package static let addressAndControlFieldCompression: UInt8 = 8
    }

    /// What holds if nobody says otherwise.
    package static let defaultMRU: UInt16 = 1500
    /// The least that is accepted from a peer: every IPv4 host takes 576 bytes.
    package static let minimumMRU: UInt16 = 576
    /// How often our own magic number may come back before the line counts as looped.
    package static let loopLimit = 3

    /// Asked for; `nil` once the peer has rejected the option.
    package private(set) var localMRU: UInt16?
    /// Asked for; `nil` once the peer has rejected the option.
    package private(set) var localMagic: UInt32?
    package private(set) var method: AuthenticationMethod
    package private(set) var peerMRU = LCPOptions.defaultMRU
    private let acceptedMethods: [AuthenticationMethod]
    private var refusedMethods: [AuthenticationMethod] = []
    /// What the peer would rather use, as far as it said; bounded.
    private var proposals: [AuthenticationProposal] = []
    private var loops = 0
    private let entropy: any EntropySource

    /// - Precondition: `methods` is not empty.
    package init(mru: UInt16, methods: [AuthenticationMethod], entropy: any EntropySource) {
        guard let first = methods.first else { preconditionFailure("no authentication method") }
        localMRU = mru
        acceptedMethods = methods
        method = first
        self.entropy = entropy
        localMagic = LCPOptions.magic(entropy)
    }

    /// Never zero, which means "none".
    private static func magic(_ entropy: any EntropySource) -> UInt32 {
        max(entropy.integer(UInt32.self), 1)
    }

    package var request: [Option] {
        var options: [Option] = []
        if let localMRU { options.append(Option(OptionType.mru, integer: localMRU)) }
        options.append(Option(OptionType.authentication, AuthenticationProposal(method).value[...]))
        if let localMagic { options.append(Option(OptionType.magicNumber, integer: localMagic)) }
        return options
    }

    package mutating func judge(_ options: [Option], mayNak: Bool) -> OptionsAnswer {
        var naks: [Option] = []
        var rejects: [Option] = []
        var mru = LCPOptions.defaultMRU
        for option in options {
            switch verdict(on: option, mru: &mru) {
            case .accept: break
            case .propose(let better): if mayNak { naks.append(better) } else { rejects.append(option) }
            case .refuse: rejects.append(option)
            case .looped:
                loops += 1
                guard loops < LCPOptions.loopLimit else { return .hopeless(.loop) }
                return .nak([Option(OptionType.magicNumber, integer: LCPOptions.magic(entropy))])
            }
        }
        guard rejects.isEmpty else { return .reject(rejects) }
        guard naks.isEmpty else { return .nak(naks) }
        peerMRU = mru
        return .ack
    }

    private enum Verdict {
        case accept
        case propose(Option)
        case refuse
        case looped
    }

    private func verdict(on option: Option, mru: inout UInt16) -> Verdict {
        switch option.type {
        case OptionType.mru:
            guard let value = option.integer(UInt16.self), value >= LCPOptions.minimumMRU else {
                return .propose(Option(OptionType.mru, integer: LCPOptions.minimumMRU))
            }
            mru = value
            return .accept
        case OptionType.asyncControlCharacterMap:
            // There are no control characters to map inside L2TP: any map is as good as another.
            return option.value.count == 4 ? .accept : .propose(Option(option.type, integer: UInt32(0)))
        case OptionType.magicNumber:
            guard let value = option.integer(UInt32.self), value != 0 else {
                return .propose(Option(option.type, integer: LCPOptions.magic(entropy)))
            }
            return value == localMagic ? .looped : .accept
        case OptionType.protocolFieldCompression, OptionType.addressAndControlFieldCompression:
            return option.value.isEmpty ? .accept : .propose(Option(option.type))
        default:
            // Authentication among them: we never prove who we are, the peer does.
            return .refuse
        }
    }

    package mutating func nakReceived(_ options: [Option]) throws(NegotiationError) {
        for option in options {
            switch option.type {
            case OptionType.mru:
                if let value = option.integer(UInt16.self), let localMRU,
                    (LCPOptions.minimumMRU...max(localMRU, LCPOptions.minimumMRU)).contains(value)
                {
                    self.localMRU = value
                }
            case OptionType.magicNumber:
                if localMagic != nil { localMagic = LCPOptions.magic(entropy) }
            default:
                break
            }
        }
        let wishes = options.filter { $0.type == OptionType.authentication }
        if !wishes.isEmpty { try chooseMethod(among: wishes.compactMap { AuthenticationProposal($0.value) }) }
    }

    /// The peer's first wish that we accept too; failing that, what comes next in our own order.
    private mutating func chooseMethod(among proposed: [AuthenticationProposal]) throws(NegotiationError) {
        for proposal in proposed where proposals.count < 4 && !proposals.contains(proposal) {
            proposals.append(proposal)
        }
        refusedMethods.append(method)
        let open = acceptedMethods.filter { !refusedMethods.contains($0) }
        guard let next = proposed.compactMap(\.method).first(where: open.contains) ?? open.first else {
            throw .authentication(accepted: acceptedMethods, proposed: proposals)
        }
        method = next
    }

    package mutating func rejectReceived(_ options: [Option]) throws(NegotiationError) {
        for option in options {
            switch option.type {
            case OptionType.mru: localMRU = nil
            case OptionType.magicNumber: localMagic = nil
            case OptionType.authentication:
                throw .authentication(accepted: acceptedMethods, proposed: proposals)
            default: break
            }
        }
    }
}
