// SPDX-License-Identifier: Apache-2.0
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// HTTP/1.1 over the control socket: one connection, one request, one answer.
struct ControlClient {
    /// Of the socket.
    var path: String
    /// Of the socket for those who may only look; `nil` if there is no choice.
    var readOnlyPath: String?
    var timeout = TimeAmount.seconds(30)
    /// A session is about a kilobyte; a hundred thousand fit.
    var responseLimit = 256 << 20

    func get<T: Decodable>(_ resource: String) throws(Problem) -> T {
        try interpret(exchange(.GET, resource, body: nil, at: pathForReading))
    }

    /// The read-only socket's, if the other is closed to us and that one is not.
    var pathForReading: String {
        guard let readOnlyPath, access(path, W_OK) != 0, errno == EACCES, access(readOnlyPath, W_OK) == 0 else {
            return path
        }
        return readOnlyPath
    }

    func post<T: Decodable>(_ resource: String, _ body: some Encodable) throws(Problem) -> T {
        try interpret(exchange(.POST, resource, body: JSON.bytes(of: body), at: path))
    }

    /// - Parameter status: Comes with the same document as success does.
    func post<T: Decodable>(
        _ resource: String,
        _ body: some Encodable,
        alsoAt status: HTTPResponseStatus
    ) throws(Problem) -> T {
        var response = try exchange(.POST, resource, body: JSON.bytes(of: body), at: path)
        if response.status == status { response.status = .ok }
        return try interpret(response)
    }

    func delete<T: Decodable>(_ resource: String) throws(Problem) -> T {
        try interpret(exchange(.DELETE, resource, body: nil, at: path))
    }

    private func interpret<T: Decodable>(_ response: Response) throws(Problem) -> T {
        guard response.status == .ok else {
            if let answer: ErrorAnswer = JSON.value(from: response.body) {
                throw Problem(answer.error.message, remedy: answer.error.remedy)
            }
            throw Problem("culvertd answered \(response.status.code) \(response.status.reasonPhrase)")
        }
        guard let value: T = JSON.value(from: response.body) else {
            throw Problem(
                "culvertd's answer is not understood",
                remedy: "culvertd and culvertctl should be of the same version"
            )
        }
        return value
    }

    private func exchange(
        _ method: HTTPMethod,
        _ resource: String,
        body: [UInt8]?,
        at path: String
    ) throws(Problem) -> Response {
        // The corresponding C type is `sockaddr_un`, with 108 bytes and a zero among them.
        guard path.utf8.count <= 107 else { throw Problem("\(path) is too long for a socket: at most 107 bytes") }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        do {
            let loop = group.next()
            let promise = loop.makePromise(of: Response.self)
            let limit = responseLimit
            let channel = try ClientBootstrap(group: group)
                .connectTimeout(timeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(
                            ResponseCollector(promise: promise, limit: limit)
                        )
                    }
                }
                .connect(unixDomainSocketPath: path)
                .flatMapErrorThrowing { error in
                    promise.fail(error)
                    throw error
                }
                .wait()
            let expiry = loop.scheduleTask(in: timeout) { promise.fail(Silence()) }
            var head = HTTPRequestHead(version: .http1_1, method: method, uri: resource)
            head.headers.add(name: "Host", value: "localhost")
            head.headers.add(name: "Connection", value: "close")
            if let body {
                head.headers.add(name: "Content-Type", value: "application/json")
                head.headers.add(name: "Content-Length", value: "\(body.count)")
            }
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            if let body {
                channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
            }
            channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            let response = try promise.futureResult.wait()
            expiry.cancel()
            return response
        } catch let problem as Problem {
            throw problem
        } catch let error as IOError {
            throw Problem(error, path: path)
        } catch is Silence {
            throw Problem("culvertd does not answer within \(timeout.nanoseconds / 1_000_000_000) s")
        } catch {
            throw Problem("no usable answer on \(path): \(error)", remedy: "is it culvertd that listens there?")
        }
    }
}

struct Response: Hashable, Sendable {
    var status: HTTPResponseStatus
    var body: [UInt8]
}

private struct Silence: Error {
}

/// Gathers the one response of a connection.
private final class ResponseCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<Response>
    private let limit: Int
    private var response: Response?

    init(promise: EventLoopPromise<Response>, limit: Int) {
        self.promise = promise
        self.limit = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            response = Response(status: head.status, body: [])
        case .body(let buffer):
            response?.body += buffer.readableBytesView
            guard let count = response?.body.count, count <= limit else {
                promise.fail(Problem("culvertd's answer is longer than \(limit) bytes"))
                context.close(promise: nil)
                return
            }
        case .end:
            if let response { promise.succeed(response) }
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Without effect if the response was complete.
        promise.fail(Problem("culvertd closed the connection without an answer"))
        context.fireChannelInactive()
    }
}

extension Problem {
    /// Why nobody answers on the socket.
    init(_ error: IOError, path: String) {
        switch error.errnoCode {
        case ENOENT, ECONNREFUSED, ENOTSOCK:
            self.init(
                "culvertd is not running, or has its control socket elsewhere than \(path)",
                remedy: "systemctl start culvertd; another socket: --socket PATH or CULVERT_SOCKET"
            )
        case EACCES, EPERM:
            let group = Self.group(of: path).map { "the group \($0)" } ?? "root"
            self.init(
                "\(path) is for \(group) only",
                remedy: Self.group(of: path).map { "join it (usermod -aG \($0) NAME, then log in anew), or use sudo" }
                    ?? "use sudo, or set control.group in the configuration"
            )
        default:
            self.init("\(path): \(String(cString: strerror(error.errnoCode)))")
        }
    }

    /// `nil` if the socket's group has no right to it, is root, or cannot be seen.
    private static func group(of path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & 0o020 != 0, status.st_gid != 0 else { return nil }
        guard let entry = getgrgid(status.st_gid), let name = entry.pointee.gr_name else { return "\(status.st_gid)" }
        return String(cString: name)
    }
}
