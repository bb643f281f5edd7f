/**
 * The expert advisor's sending of bars, controlled by a test. A line in, a line out:
 *   begin <http|redis> <port> <history bars> <symbols> <server offset s> <token or ->  -> ok
 *   bar <symbol> <utc s> <open> <high> <low> <close> <ticks> <spread points>            -> ok
 *   online <0|1>                                                                        -> ok
 *   folder <path>                                                                       -> ok
 *   offset <server offset s>                                                            -> ok
 *   news <utc s> <currency> <importance 0-3> <time mode 0-3> <name>                      -> ok
 *   newsfails <0|1>                                                                     -> ok
 *   calendar <now ms>                                                                   -> <state>
 *   work <now ms>                                                                       -> <sent> <error>
 */
#include "mql5.h"
#include <Minutehand/BarPusher.mqh>
#include <Minutehand/Calendar.mqh>
#include <iostream>
#include <memory>
#include <sstream>

int main() {
  static long nowMs = 0;
  long offset = 0;
  MhCalendar calendar;
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
    } else if (command == "folder") {
      words >> terminal().commonFolder;
      calendar.Begin(string("calendar.json"), MH_DST_US);
    } else if (command == "offset") {
      words >> offset;
      terminal().serverOffsetSeconds = offset;
    } else if (command == "news") {
      ShimNews one;
      int mode;
      words >> one.utc >> one.currency >> one.importance >> mode;
      one.mode = (ENUM_CALENDAR_EVENT_TIMEMODE)mode;
      std::getline(words >> std::ws, one.name);
      terminal().news.push_back(one);
    } else if (command == "newsfails") {
      words >> terminal().newsFails;
    } else if (command == "calendar") {
      words >> nowMs;
      calendar.Work(nowMs / 1000);
      answer = calendar.State().utf8();
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
