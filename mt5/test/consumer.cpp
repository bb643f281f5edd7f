/**
 * The expert advisor's protocol as a program, to be compared with the reference consumer. A line in, a line out:
 *   begin <markets> <max skew ms>   -> ok
 *   take <now ms> <hex of the text> [<pair it came from>] -> refuse <CODE> | accept <missed> hold
 *     | accept <missed> [close <id>] [open <id> <entry> <|beta|> <scale> <max age>] [halt]
 *   restart                         -> ok     (its memory is saved and restored)
 *   closed <id>                     -> ok
 */
#include "mql5.h"
#include <Minutehand/StateFile.mqh>
#include <iostream>
#include <sstream>

int main() {
  MhConsumer consumer;
  std::string markets = "live", line;
  long skewMs = 2000;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    std::string answer = "ok";
    if (command == "begin") {
      words >> markets >> skewMs;
      consumer.Begin(markets, skewMs);
    } else if (command == "restart") {
      MhConsumer next;
      next.Begin(markets, skewMs);
      for (int i = 0; i < consumer.Count(); i++) {
        MhMemory memory, read;
        consumer.Get(i, memory);
        if (!MhReadMemory(MhMemoryLine(memory), read)) answer = "unreadable";
        next.Restore(read);
      }
      consumer = next;
    } else if (command == "closed") {
      std::string id;
      words >> id;
      consumer.Closed(id);
    } else {
      long nowMs;
      std::string hex, pairId;
      words >> nowMs >> hex >> pairId;
      MqlArray<uchar> bytes;
      ArrayResize(bytes, 3);
      for (size_t at = 0; at + 1 < hex.size(); at += 2)
        bytes.raw().push_back((uchar)strtol(hex.substr(at, 2).c_str(), nullptr, 16));
      MhSignal signal;
      MhVerdict verdict;
      consumer.Take(bytes, 3, ArraySize(bytes) - 3, nowMs, pairId, signal, verdict);
      if (verdict.refusal != MH_NOT_REFUSED) answer = "refuse " + MhRefusalName(verdict.refusal).utf8();
      else {
        std::ostringstream orders;
        orders.precision(15);
        orders << "accept " << verdict.missed;
        if (verdict.closes) orders << " close " << verdict.closeId.utf8();
        if (verdict.opens)
          orders << " open " << signal.positionId.utf8() << " " << signal.entry.utf8() << " " << MathAbs(signal.beta) << " "
                 << signal.scale + 0.0 << " " << signal.maxAgeBars;
        if (verdict.halts) orders << " halt";
        else if (!verdict.closes && !verdict.opens) orders << " hold";
        answer = orders.str();
      }
    }
    std::cout << answer << std::endl;
  }
}
