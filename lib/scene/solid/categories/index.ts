// Every category that is built in, sorted by name.
import type { Category } from '../category.js'
import { aircraft } from './aircraft.js'
import { audio } from './audio.js'
import { bags } from './bags.js'
import { baking } from './baking.js'
import { bathroom } from './bathroom.js'
import { beds } from './beds.js'
import { birds } from './birds.js'
import { buildings } from './buildings.js'
import { carts } from './carts.js'
import { chores } from './chores.js'
import { clothing } from './clothing.js'
import { containers } from './containers.js'
import { cutlery } from './cutlery.js'
import { cuttingTools } from './cutting_tools.js'
import { cycles } from './cycles.js'
import { domesticAnimals } from './domestic_animals.js'
import { electronics } from './electronics.js'
import { fans } from './fans.js'
import { figures } from './figures.js'
import { fishAndWhales } from './fish_and_whales.js'
import { food } from './food.js'
import { fruit } from './fruit.js'
import { furnishings } from './furnishings.js'
import { garden } from './garden.js'
import { headwear } from './headwear.js'
import { house } from './house.js'
import { insects } from './insects.js'
import { instruments } from './instruments.js'
import { keepsakes } from './keepsakes.js'
import { kitchen } from './kitchen.js'
import { kitchenTools } from './kitchen_tools.js'
import { lamps } from './lamps.js'
import { landmarks } from './landmarks.js'
import { lighting } from './lighting.js'
import { machines } from './machines.js'
import { mantelpiece } from './mantelpiece.js'
import { motorVehicles } from './motor_vehicles.js'
import { office } from './office.js'
import { plants } from './plants.js'
import { playground } from './playground.js'
import { railVehicles } from './rail_vehicles.js'
import { reptiles } from './reptiles.js'
import { sanitaryWare } from './sanitary_ware.js'
import { seats } from './seats.js'
import { shelters } from './shelters.js'
import { ships } from './ships.js'
import { shoreAnimals } from './shore_animals.js'
import { sports } from './sports.js'
import { storage } from './storage.js'
import { street } from './street.js'
import { strings } from './strings.js'
import { tables } from './tables.js'
import { tools } from './tools.js'
import { toys } from './toys.js'
import { trees } from './trees.js'
import { upholstery } from './upholstery.js'
import { vegetables } from './vegetables.js'
import { vessels } from './vessels.js'
import { wildAnimals } from './wild_animals.js'

export const categories: readonly Category[] = [
  ...aircraft,
  ...audio,
  ...bags,
  ...baking,
  ...bathroom,
  ...beds,
  ...birds,
  ...buildings,
  ...carts,
  ...chores,
  ...clothing,
  ...containers,
  ...cutlery,
  ...cuttingTools,
  ...cycles,
  ...domesticAnimals,
  ...electronics,
  ...fans,
  ...figures,
  ...fishAndWhales,
  ...food,
  ...fruit,
  ...furnishings,
  ...garden,
  ...headwear,
  ...house,
  ...insects,
  ...instruments,
  ...keepsakes,
  ...kitchen,
  ...kitchenTools,
  ...lamps,
  ...landmarks,
  ...lighting,
  ...machines,
  ...mantelpiece,
  ...motorVehicles,
  ...office,
  ...plants,
  ...playground,
  ...railVehicles,
  ...reptiles,
  ...sanitaryWare,
  ...seats,
  ...shelters,
  ...ships,
  ...shoreAnimals,
  ...sports,
  ...storage,
  ...street,
  ...strings,
  ...tables,
  ...tools,
  ...toys,
  ...trees,
  ...upholstery,
  ...vegetables,
  ...vessels,
  ...wildAnimals,
].sort((a, b) => (a.name < b.name ? -1 : 1))
