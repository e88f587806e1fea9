// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import FoundationEssentials
internal import Glibc

extension ImpairOrder {
    /// From one of
    /// `{"message":"sccrq","direction":"in","treatment":"drop","nth":2}`,
    /// `{"message":"data","direction":"out","treatment":"delay","milliseconds":500,"percent":20}`,
    /// `{"request":"install-inbound","errno":"ENOMEM","every":true}`,
    /// `{"loseNotices":true}` and `{"stopTimers":["l2tp"]}`.
    package init(json: [UInt8]) throws(ControlRefusal) {
        let data = Data(json)
        guard let body = try? JSONDecoder().decode(Body.self, from: data),
            let values = try? JSONDecoder().decode([String: AnyValue].self, from: data),
            values.keys.allSatisfy(Body.knows)
        else { throw ControlRefusal(400, "the body is not the JSON object that this path takes") }
        self = try body.order
    }

    private struct AnyValue: Decodable {
        init(from decoder: any Decoder) {}
    }

    private struct Body: Decodable {
        var message: String?
        var direction: String?
        var treatment: String?
        var milliseconds: Int?
        var request: String?
        var errno: String?
        var nth: UInt64?
        var every: Bool?
        var percent: UInt8?
        var loseNotices: Bool?
        var stopTimers: [String]?

        static func knows(_ key: String) -> Bool { CodingKeys(stringValue: key) != nil }

        var order: ImpairOrder {
            get throws(ControlRefusal) {
                switch (message, request, loseNotices, stopTimers) {
                case (let message?, nil, nil, nil):
                    let fault = Impairment.Fault.message(
                        try word(message, "a kind of message"),
                        try word(direction ?? "", "a direction"),
                        try asTreatment
                    )
                    return .add(Impairment(fault, try selection))
                case (nil, let request?, nil, nil):
                    let kind: Impairment.RequestKind = try word(request, "a kind of request")
                    return .add(Impairment(.request(kind, errno: try errorNumber), try selection))
                case (nil, nil, true, nil):
                    return .loseNotices
                case (nil, nil, nil, let layers?):
                    var stopped: Set<ControlPlane.TimedLayer> = []
                    for layer in layers { stopped.insert(try word(layer, "a layer")) }
                    return .stopTimers(stopped)
                case _:
                    throw ControlRefusal(400, "exactly one of message, request, loseNotices and stopTimers is needed")
                }
            }
        }

        private func word<T: RawRepresentable<String> & CaseIterable>(
            _ text: String,
            _ what: String
        ) throws(ControlRefusal) -> T {
            if let value = T(rawValue: text) { return value }
            throw ControlRefusal(
                400,
                "this is not \(what)",
                remedy: "one of \(T.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }

        private var asTreatment: Impairment.Treatment {
            get throws(ControlRefusal) {
                switch (treatment, milliseconds) {
                case ("drop", nil): return .drop
                case ("double", nil): return .double
                case ("corrupt", nil): return .corrupt
                case ("delay", let milliseconds?):
                    guard (1...600_000).contains(milliseconds) else {
                        throw ControlRefusal(400, "a delay lies between 1 and 600000 milliseconds")
                    }
                    return .delay(.milliseconds(milliseconds))
                case _:
                    throw ControlRefusal(400, "treatment is drop, double, corrupt, or delay with milliseconds")
                }
            }
        }

        private var selection: Impairment.Selection {
            get throws(ControlRefusal) {
                switch (nth, every, percent) {
                case (nil, nil, nil): return .nth(1)
                case (let nth?, nil, nil) where nth > 0: return .nth(nth)
                case (nil, true, nil): return .every
                case (nil, nil, let percent?) where (1...100).contains(percent): return .percentage(percent)
                case _:
                    throw ControlRefusal(400, "one of nth (from 1), every (true) and percent (1 to 100), or none")
                }
            }
        }

        private static let errorNumbers: [String: Int32] = [
            "EPERM": EPERM, "ENOENT": ENOENT, "ESRCH": ESRCH, "EINTR": EINTR, "EIO": EIO, "EAGAIN": EAGAIN,
            "ENOMEM": ENOMEM, "EACCES": EACCES, "EBUSY": EBUSY, "EEXIST": EEXIST, "ENODEV": ENODEV,
            "EINVAL": EINVAL, "ENFILE": ENFILE, "EMFILE": EMFILE, "ENOSPC": ENOSPC, "ENOSYS": ENOSYS,
            "EADDRINUSE": EADDRINUSE, "ENOBUFS": ENOBUFS, "ETIMEDOUT": ETIMEDOUT, "EOPNOTSUPP": EOPNOTSUPP,
        ]

        private var errorNumber: Int32 {
            get throws(ControlRefusal) {
                let text = errno ?? ""
                if let number = Self.errorNumbers[text] { return number }
                if let number = Int32(text), (1...4_095).contains(number) { return number }
                throw ControlRefusal(
                    400,
                    "errno is a number from 1 to 4095 or one of the names",
                    remedy: "one of \(Self.errorNumbers.keys.sorted().joined(separator: ", "))"
                )
            }
        }
    }
}
