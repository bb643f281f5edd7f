/**
 * The expert advisor's sending of bars, controlled by a test. A line in, a line out:
 *   begin <http|redis> <port> <history bars> <symbols> <server offset s> <token or ->  -> ok
 *   bar <symbol> <utc s> <open> <high> <low> <close> <ticks> <spread points>            -> ok
 *   online <0|1>                                                                        -> ok
 *   work <now ms>                                                                       -> <sent> <error>
 */
#include "mql5.h"
#include <Minutehand/BarPusher.mqh>
#include <iostream>
#include <memory>
#include <sstream>

int main() {
  static long nowMs = 0;
  long offset = 0;
  terminal().clock = [] { return nowMs; };
  std::unique_ptr<MhBarPusher> pusher;
  std::unique_ptr<MhRedisLink> link;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    std::string answer = "ok";
    if (command == "begin") {
      std::string way, symbols, token;
      int port, history;
      words >> way >> port >> history >> symbols >> offset >> token;
      terminal().serverOffsetSeconds = offset;
      pusher.reset(new MhBarPusher());
      link.reset(new MhRedisLink());
      link->Begin(string("127.0.0.1"), port, string(""), string(""), 0, 500, string(""));
      pusher->Begin(string(way == "http" ? "http://127.0.0.1:" + std::to_string(port) : ""), string(token == "-" ? "" : token),
                    way == "redis", string(symbols), string(""), string(".m"), MH_DST_NONE, history);
    } else if (command == "bar") {
      std::string symbol;
      MqlRates bar = {};
      words >> symbol >> bar.time >> bar.open >> bar.high >> bar.low >> bar.close >> bar.tick_volume >> bar.spread;
      bar.time += offset;
      terminal().symbols[symbol + ".m"].rates.push_back(bar);
    } else if (command == "online") {
      words >> terminal().connected;
    } else if (command == "work") {
      words >> nowMs;
      MhReply reply;
      link->Work();
      while (link->Next(reply)) pusher->Answered(reply);
      pusher->Work(nowMs / 1000, *link);
      answer = std::to_string(pusher->Sent()) + " " + pusher->Error().utf8();
    }
    std::cout << answer << std::endl;
  }
}
