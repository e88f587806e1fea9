// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Builds nf_tables requests, rule by rule. We write the expressions ourselves because the grammar of `nft` cannot
/// say what we need: it does not let a part of the IPsec request id become a port.
struct NetfilterTransaction {
    private let table: String
    private(set) var batch = NetlinkBatch(isTransaction: true)
    /// What was added, for people: ``PortShift`` puts it into words.
    private(set) var chains: [Chain] = []

    struct Chain {
        var name: String
        var hook: (number: UInt32, priority: Int32)?
        var rules: [[NetfilterExpression]] = []
    }

    private static let inet = UInt8(NFPROTO_INET)

    init(table: String) {
        self.table = table
        batch.append(Self.boundary(NFNL_MSG_BATCH_BEGIN), step: "NFNL_MSG_BATCH_BEGIN")
    }

    private static func boundary(_ type: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(type: Int(type), flags: 0)
        message.append(header(family: UInt8(AF_UNSPEC), resource: UInt16(NFNL_SUBSYS_NFTABLES)))
        return message
    }

    static func header(family: UInt8 = inet, resource: UInt16 = 0) -> nfgenmsg {
        nfgenmsg(nfgen_family: family, version: UInt8(NFNETLINK_V0), res_id: resource.bigEndian)
    }

    static func message(_ type: nf_tables_msg_types, flags: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(type: Int(NFNL_SUBSYS_NFTABLES) << 8 | Int(type.rawValue), flags: flags)
        message.append(header())
        return message
    }

    /// A table that belongs to the netlink socket: nobody else can change it, and it goes when the socket does.
    mutating func addOwnedTable() {
        var message = Self.message(NFT_MSG_NEWTABLE, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.put(Int(NFTA_TABLE_NAME.rawValue), string: table)
        // NFT_TABLE_F_OWNER (5.12)
        message.put(Int(NFTA_TABLE_FLAGS.rawValue), networkOrder: 2)
        batch.append(message, step: "NFT_MSG_NEWTABLE")
    }

    mutating func removeTable() {
        var message = Self.message(NFT_MSG_DELTABLE, flags: 0)
        message.put(Int(NFTA_TABLE_NAME.rawValue), string: table)
        batch.append(message, step: "NFT_MSG_DELTABLE")
    }

    mutating func addCounter(_ name: String) {
        var message = Self.message(NFT_MSG_NEWOBJ, flags: NLM_F_CREATE)
        message.put(Int(NFTA_OBJ_TABLE.rawValue), string: table)
        message.put(Int(NFTA_OBJ_NAME.rawValue), string: name)
        message.put(Int(NFTA_OBJ_TYPE.rawValue), networkOrder: UInt32(NFT_OBJECT_COUNTER))
        message.nest(Int(NFTA_OBJ_DATA.rawValue)) {
            // An empty nest would be left out.
            $0.put(Int(NFTA_COUNTER_PACKETS.rawValue), bytes: [UInt8](repeating: 0, count: 8))
        }
        batch.append(message, step: "NFT_MSG_NEWOBJ \(name)")
    }

    /// - Parameter hook: Where packets meet the chain; `nil` makes a chain that no packet meets.
    mutating func addChain(_ name: String, hook: (number: UInt32, priority: Int32)?) {
        var message = Self.message(NFT_MSG_NEWCHAIN, flags: NLM_F_CREATE)
        message.put(Int(NFTA_CHAIN_TABLE.rawValue), string: table)
        message.put(Int(NFTA_CHAIN_NAME.rawValue), string: name)
        if let hook {
            message.put(Int(NFTA_CHAIN_TYPE.rawValue), string: "filter")
            message.nest(Int(NFTA_CHAIN_HOOK.rawValue)) {
                $0.put(Int(NFTA_HOOK_HOOKNUM.rawValue), networkOrder: hook.number)
                $0.put(Int(NFTA_HOOK_PRIORITY.rawValue), networkOrder: UInt32(bitPattern: hook.priority))
            }
        }
        batch.append(message, step: "NFT_MSG_NEWCHAIN \(name)")
        chains.append(Chain(name: name, hook: hook))
    }

    mutating func addRule(_ chain: String, _ expressions: [NetfilterExpression]) {
        var message = Self.message(NFT_MSG_NEWRULE, flags: NLM_F_CREATE | NLM_F_APPEND)
        message.put(Int(NFTA_RULE_TABLE.rawValue), string: table)
        message.put(Int(NFTA_RULE_CHAIN.rawValue), string: chain)
        message.nest(Int(NFTA_RULE_EXPRESSIONS.rawValue)) { list in
            for expression in expressions {
                list.nest(Int(NFTA_LIST_ELEM.rawValue)) { expression.encode(into: &$0) }
            }
        }
        batch.append(message, step: "NFT_MSG_NEWRULE \(chain)")
        if let index = chains.firstIndex(where: { $0.name == chain }) { chains[index].rules.append(expressions) }
    }

    /// Ends the transaction.
    consuming func finished() -> NetlinkBatch {
        batch.append(Self.boundary(NFNL_MSG_BATCH_END), step: "NFNL_MSG_BATCH_END")
        return batch
    }
}

/// One expression of a rule. Values go through two four-byte registers.
enum NetfilterExpression: Hashable {
    enum Register: UInt32 {
        case first = 8
        case second = 9
    }

    /// Offsets into the transport header: that of UDP, or that of an ICMP error with the packet it quotes.
    enum Field: UInt32 {
        case sourcePort = 0
        case destinationPort = 2
        case checksum = 6
        /// The first byte of the quoted packet: its version, and the length of its header if that is IPv4.
        case quotedVersion = 8
        case quotedNextHeader = 14
        case quotedProtocol = 17
        /// Of a quoted packet with an IPv4 header without options.
        case quotedPort = 30
        /// Of a quoted packet with nothing between its IPv6 header and that of UDP.
        case quotedPortV6 = 50

        /// Of TCP.
        case tcpFlags = 13

        /// Of ICMP.
        static let typeAndCode = sourcePort

        var length: UInt32 {
            switch self {
            case .sourcePort, .destinationPort, .checksum, .quotedPort, .quotedPortV6: 2
            case .quotedVersion, .quotedNextHeader, .quotedProtocol, .tcpFlags: 1
            }
        }
    }

    /// How the UDP checksum follows a change.
    enum ChecksumUpdate {
        case incremental
        case none
    }

    enum Comparison: UInt32 {
        case equal = 0
        case notEqual = 1
        case lessOrEqual = 3
        case greaterOrEqual = 5
    }

    /// `NFT_META_*`
    enum Meta: UInt32 {
        case networkProtocol = 15
        case transportProtocol = 16
        /// Of the device that the packet came in by, or leaves by: `IFLA_GROUP`.
        case inputGroup = 21
        case outputGroup = 22
        case securityPath = 25
    }

    case load(Meta, Register)
    case loadField(Field, Register)
    case storeField(Register, Field, ChecksumUpdate)
    /// Whether the route demands IPsec.
    case loadRouteIsProtected(Register)
    /// The request id of the association the packet came through.
    case loadRequestID(Register)
    case compare(Register, Comparison, [UInt8])
    case shiftLeft(Register, by: UInt32)
    /// Of 2 or 4 bytes at the beginning of the register.
    case toNetworkOrder(Register, bytes: UInt32 = 4)
    case mask(Register, UInt8)
    /// What a TCP segment may hold on the route of the packet, and on that of the answers.
    case loadSegmentSize(Register)
    /// The maximum segment size that a TCP SYN offers becomes this, if it is larger; without such an option nothing
    /// happens.
    case limitSegmentSize(Register)
    case set(Register, [UInt8])
    case count(String)
    case doNotTrack
    case drop
    /// Leaves the chain and those it was jumped to from; other chains of the hook come after it.
    case accept
    /// Goes on in another chain, and comes back at its end.
    case jump(String)

    func encode(into message: inout NetlinkMessage) {
        message.put(Int(NFTA_EXPR_NAME.rawValue), string: name)
        if self == .doNotTrack { return }
        message.nest(Int(NFTA_EXPR_DATA.rawValue)) { encodeData(into: &$0) }
    }

    private var name: String {
        switch self {
        case .load: "meta"
        case .loadField, .storeField: "payload"
        case .loadRouteIsProtected, .loadSegmentSize: "rt"
        case .limitSegmentSize: "exthdr"
        case .loadRequestID: "xfrm"
        case .compare: "cmp"
        case .shiftLeft, .mask: "bitwise"
        case .toNetworkOrder: "byteorder"
        case .set, .drop, .accept, .jump: "immediate"
        case .count: "objref"
        case .doNotTrack: "notrack"
        }
    }

    private func encodeData(into message: inout NetlinkMessage) {
        switch self {
        case .load(let key, let register):
            message.put(Int(NFTA_META_KEY.rawValue), networkOrder: key.rawValue)
            message.put(Int(NFTA_META_DREG.rawValue), networkOrder: register.rawValue)
        case .loadField(let field, let register):
            message.put(Int(NFTA_PAYLOAD_DREG.rawValue), networkOrder: register.rawValue)
            message.put(location: field)
        case .storeField(let register, let field, let update):
            message.put(Int(NFTA_PAYLOAD_SREG.rawValue), networkOrder: register.rawValue)
            message.put(location: field)
            let type: UInt32 = update == .incremental ? 1 : 0  // NFT_PAYLOAD_CSUM_INET
            message.put(Int(NFTA_PAYLOAD_CSUM_TYPE.rawValue), networkOrder: type)
            let offset = update == .incremental ? Field.checksum.rawValue : 0
            message.put(Int(NFTA_PAYLOAD_CSUM_OFFSET.rawValue), networkOrder: offset)
            message.put(Int(NFTA_PAYLOAD_CSUM_FLAGS.rawValue), networkOrder: 0)
        case .loadRouteIsProtected(let register):
            message.put(Int(NFTA_RT_KEY.rawValue), networkOrder: 4)  // NFT_RT_XFRM
            message.put(Int(NFTA_RT_DREG.rawValue), networkOrder: register.rawValue)
        case .loadRequestID(let register):
            message.put(Int(NFTA_XFRM_DREG.rawValue), networkOrder: register.rawValue)
            message.put(Int(NFTA_XFRM_KEY.rawValue), networkOrder: 5)  // NFT_XFRM_KEY_REQID
            message.put(Int(NFTA_XFRM_DIR.rawValue), u8: UInt8(XFRM_POLICY_IN))
            message.put(Int(NFTA_XFRM_SPNUM.rawValue), networkOrder: 0)
        case .compare(let register, let comparison, let value):
            message.put(Int(NFTA_CMP_SREG.rawValue), networkOrder: register.rawValue)
            message.put(Int(NFTA_CMP_OP.rawValue), networkOrder: comparison.rawValue)
            message.put(Int(NFTA_CMP_DATA.rawValue), value: value)
        case .shiftLeft(let register, let count):
            message.put(Int(NFTA_BITWISE_SREG.rawValue), networkOrder: register.rawValue)
            message.put(Int(NFTA_BITWISE_DREG.rawValue), networkOrder: register.rawValue)
            message.put(Int(NFTA_BITWISE_LEN.rawValue), networkOrder: 4)
            message.put(Int(NFTA_BITWISE_OP.rawValue), networkOrder: 1)  // NFT_BITWISE_LSHIFT
            message.put(Int(NFTA_BITWISE_DATA.rawValue), value: count.hostOrderBytes)
        case .toNetworkOrder(let register, let bytes):
            message.put(Int(NFTA_BYTEORDER_SREG.rawValue), networkOrder: register.rawValue)
            message.put(Int(NFTA_BYTEORDER_DREG.rawValue), networkOrder: register.rawValue)
            message.put(Int(NFTA_BYTEORDER_OP.rawValue), networkOrder: 1)  // NFT_BYTEORDER_HTON
            message.put(Int(NFTA_BYTEORDER_LEN.rawValue), networkOrder: bytes)
            message.put(Int(NFTA_BYTEORDER_SIZE.rawValue), networkOrder: bytes)
        case .mask(let register, let mask):
            message.put(Int(NFTA_BITWISE_SREG.rawValue), networkOrder: register.rawValue)
            message.put(Int(NFTA_BITWISE_DREG.rawValue), networkOrder: register.rawValue)
            message.put(Int(NFTA_BITWISE_LEN.rawValue), networkOrder: 1)
            message.put(Int(NFTA_BITWISE_MASK.rawValue), value: [mask])
            message.put(Int(NFTA_BITWISE_XOR.rawValue), value: [0])
        case .loadSegmentSize(let register):
            message.put(Int(NFTA_RT_KEY.rawValue), networkOrder: 3)  // NFT_RT_TCPMSS
            message.put(Int(NFTA_RT_DREG.rawValue), networkOrder: register.rawValue)
        case .limitSegmentSize(let register):
            message.put(Int(NFTA_EXTHDR_SREG.rawValue), networkOrder: register.rawValue)
            message.put(Int(NFTA_EXTHDR_TYPE.rawValue), u8: 2)  // TCPOPT_MAXSEG
            message.put(Int(NFTA_EXTHDR_OFFSET.rawValue), networkOrder: 2)
            message.put(Int(NFTA_EXTHDR_LEN.rawValue), networkOrder: 2)
            message.put(Int(NFTA_EXTHDR_OP.rawValue), networkOrder: 1)  // NFT_EXTHDR_OP_TCPOPT
        case .set(let register, let value):
            message.put(Int(NFTA_IMMEDIATE_DREG.rawValue), networkOrder: register.rawValue)
            message.put(Int(NFTA_IMMEDIATE_DATA.rawValue), value: value)
        case .count(let name):
            message.put(Int(NFTA_OBJREF_IMM_TYPE.rawValue), networkOrder: UInt32(NFT_OBJECT_COUNTER))
            message.put(Int(NFTA_OBJREF_IMM_NAME.rawValue), string: name)
        case .drop:
            message.put(verdict: NF_DROP)
        case .accept:
            message.put(verdict: NF_ACCEPT)
        case .jump(let chain):
            message.put(verdict: NFT_JUMP.rawValue, chain: chain)
        case .doNotTrack:
            return
        }
    }
}

extension NetlinkMessage {
    fileprivate mutating func put(verdict: Int32, chain: String? = nil) {
        put(Int(NFTA_IMMEDIATE_DREG.rawValue), networkOrder: 0)  // NFT_REG_VERDICT
        nest(Int(NFTA_IMMEDIATE_DATA.rawValue)) { data in
            data.nest(Int(NFTA_DATA_VERDICT.rawValue)) {
                $0.put(Int(NFTA_VERDICT_CODE.rawValue), networkOrder: UInt32(bitPattern: verdict))
                if let chain { $0.put(Int(NFTA_VERDICT_CHAIN.rawValue), string: chain) }
            }
        }
    }

    fileprivate mutating func put(location field: NetfilterExpression.Field) {
        put(Int(NFTA_PAYLOAD_BASE.rawValue), networkOrder: 2)  // NFT_PAYLOAD_TRANSPORT_HEADER
        put(Int(NFTA_PAYLOAD_OFFSET.rawValue), networkOrder: field.rawValue)
        put(Int(NFTA_PAYLOAD_LEN.rawValue), networkOrder: field.length)
    }

    fileprivate mutating func put(_ attribute: Int, value: [UInt8]) {
        nest(attribute) { $0.put(Int(NFTA_DATA_VALUE.rawValue), bytes: value) }
    }
}

extension UInt32 {
    var hostOrderBytes: [UInt8] { withUnsafeBytes(of: self) { Array($0) } }
}
