// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOHTTP1
import NIOPosix

extension ControlClient {
    /// Longer lines are not culvertd's.
    private static let lineLimit = 1 << 20

    /// Reads lines until there are no more; each is given away without its line feed, on a thread of NIO.
    ///
    /// - Throws: When it is over: by a refusal, or because culvertd ended or fell silent.
    func follow(
        _ resource: String,
        silenceLimit: TimeAmount = .seconds(60),
        _ take: @escaping @Sendable ([UInt8]) -> Void
    ) throws(Problem) {
        let path = pathForReading
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        do {
            let end = group.next().makePromise(of: Void.self)
            let channel = try ClientBootstrap(group: group)
                .connectTimeout(timeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(IdleStateHandler(readTimeout: silenceLimit))
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(LineReader(limit: Self.lineLimit, end: end, take: take))
                    }
                }
                .connect(unixDomainSocketPath: path)
                .flatMapErrorThrowing { error in
                    end.fail(error)
                    throw error
                }
                .wait()
            var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: resource)
            head.headers.add(name: "Host", value: "localhost")
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            try end.futureResult.wait()
        } catch let problem as Problem {
            throw problem
        } catch let error as IOError {
            throw Problem(error, path: path)
        } catch {
            throw Problem("no usable answer on \(path): \(error)", remedy: "is it culvertd that listens there?")
        }
    }
}

/// Cuts the body of the one response into lines.
private final class LineReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let limit: Int
    private let end: EventLoopPromise<Void>
    private let take: ([UInt8]) -> Void
    private var status = HTTPResponseStatus.ok
    private var rest: [UInt8] = []

    init(limit: Int, end: EventLoopPromise<Void>, take: @escaping ([UInt8]) -> Void) {
        self.limit = limit
        self.end = end
        self.take = take
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = head.status
        case .body(let buffer): read(Array(buffer.readableBytesView), context)
        case .end:
            if status == .ok {
                end.fail(Problem("culvertd ended the stream"))
            } else if let answer: ErrorAnswer = JSON.value(from: rest) {
                end.fail(Problem(answer.error.message, remedy: answer.error.remedy))
            } else {
                end.fail(Problem("culvertd answered \(status.code) \(status.reasonPhrase)"))
            }
            context.close(promise: nil)
        }
    }

    private func read(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        rest += bytes
        if status == .ok {
            var lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            rest = Array(lines.popLast() ?? [])
            for line in lines where !line.isEmpty { take(Array(line)) }
        }
        guard rest.count > limit else { return }
        end.fail(Problem("culvertd's line is longer than \(limit) bytes"))
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            end.fail(Problem("culvertd has fallen silent"))
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Without effect if the response was complete.
        end.fail(Problem("culvertd closed the connection"))
        context.fireChannelInactive()
    }
}
